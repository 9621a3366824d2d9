// A page that waits looks for its successor by itself, and comes anew once there is another one:
// a reload every few seconds would take the focus and the reader's voice away each time.
(function () {
  "use strict";
  var script = document.currentScript;
  var at = script.dataset.at; // of an answer to a form, which must not be sent twice
  setInterval(function () {
    fetch(at || location.href, { cache: "no-store" }).then(function (answer) {
      return answer.text();
    }).then(function (page) {
      if (page.indexOf("data-again=") >= 0) return;
      if (at) location.replace(at); else location.reload();
    }, function () { /* no network: the next look may find it */ });
  }, script.dataset.again * 1000);
})();
