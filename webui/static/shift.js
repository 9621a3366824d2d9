// A sound at every new alert, once a shift has begun: browsers want a finger first.
(function () {
  "use strict";
  var bar = document.getElementById("shift");
  var today = new Date().toDateString();
  var seen = calls();
  var sound;
  if (!window.AudioContext) return;

  function kept(day) {
    try {
      if (day === undefined) return localStorage.getItem("shift") === today;
      localStorage.setItem("shift", day);
    } catch (error) { return false; } // a private window
  }
  function isOn() { return !!sound && sound.state === "running"; }
  function show() {
    bar.hidden = false;
    bar.querySelectorAll(".on, .off").forEach(function (part) {
      part.hidden = part.classList.contains("on") !== isOn();
    });
  }
  function start() {
    sound = sound || new AudioContext();
    sound.onstatechange = show;
    return sound.resume();
  }
  function ring() {
    [0, .25, .5].forEach(function (after) {
      var tone = sound.createOscillator();
      var gain = sound.createGain();
      gain.gain.value = .3;
      tone.frequency.value = 880;
      tone.connect(gain).connect(sound.destination);
      tone.start(sound.currentTime + after);
      tone.stop(sound.currentTime + after + .15);
    });
  }
  function calls() {
    return [].map.call(document.querySelectorAll("[data-calls]"), function (card) {
      return card.dataset.calls;
    });
  }

  bar.querySelector("button.off").onclick = function () {
    kept(today);
    start().then(ring); // so that it is heard how loud it is
  };
  bar.querySelector("button.on").onclick = function () {
    kept("");
    sound.suspend();
  };
  document.addEventListener("pointerdown", function () { if (kept() && !isOn()) start(); });
  document.body.addEventListener("htmx:afterSettle", function () {
    var now = calls();
    var isNew = now.some(function (one) { return seen.indexOf(one) < 0; });
    seen = now;
    if (isNew && isOn()) ring();
  });
  show();
})();
