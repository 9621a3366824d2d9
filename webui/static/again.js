// A page that waits looks for its successor by itself, and comes anew once there is another one:
// a reload every few seconds would take the focus and the reader's voice away each time.
(function () {
  "use strict";
  var script = document.currentScript;
  setInterval(function () {
    fetch(location.href, { cache: "no-store" }).then(function (answer) {
      return answer.text();
    }).then(function (page) {
      if (page.indexOf("data-again=") < 0) location.reload();
    }, function () { /* no network: the next look may find it */ });
  }, script.dataset.again * 1000);
})();
