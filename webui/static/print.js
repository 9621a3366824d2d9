// The button that a browser without scripts could not obey.
(function () {
  "use strict";
  var button = document.getElementById("print");
  button.hidden = false;
  button.addEventListener("click", function () { print(); });
})();
