// Comfort only: without this file every screen works by plain forms and links.
(function () {
  "use strict";
  var body = document.body;
  var heard = Date.now();
  var broken = false;
  var held = false;
  var owed = false;
  var title = document.title;
  var away = document.getElementById("away");

  function refetch() {
    heard = Date.now();
    htmx.trigger(body, "refetch");
  }

  // The stream says "changed". Where it is silent for five seconds, the page asks by itself; every
  // two while it is broken, and once when it is whole again, for what was missed. Without a
  // connection it asks every second or two, and gives each question less time.
  body.addEventListener("htmx:sseMessage", function () { heard = Date.now(); });
  body.addEventListener("htmx:sseError", function () { broken = true; refetch(); });
  body.addEventListener("htmx:sseOpen", function () { if (broken) { broken = false; refetch(); } });
  setInterval(function () {
    var most = !away.hidden ? 1000 : broken ? 2000 : 5000;
    if (Date.now() - heard >= most && !document.hidden) refetch();
  }, 500);

  // Phones cut the streams of pages that are not looked at.
  document.addEventListener("visibilitychange", function () { if (!document.hidden) refetch(); });
  window.addEventListener("pageshow", function (event) { if (event.persisted) refetch(); });

  // A button must not be replaced between finger down and finger up: the press would be lost.
  document.addEventListener("pointerdown", function () { held = true; }, true);
  ["pointerup", "pointercancel"].forEach(function (name) {
    document.addEventListener(name, function () {
      held = false;
      if (owed) { owed = false; setTimeout(refetch, 50); }
    }, true);
  });
  body.addEventListener("htmx:beforeSwap", function (event) {
    var target = event.detail.target;
    var text = event.detail.serverResponse;
    if (event.detail.requestConfig.verb !== "get" || !event.detail.shouldSwap) return;
    if (held) { owed = true; event.detail.shouldSwap = false; return; }
    if (target.lastText === text) event.detail.shouldSwap = false; // so animations run on
    target.lastText = text;
  });

  // No answer, or the gateway away: say so, and go on trying.
  body.addEventListener("htmx:afterRequest", function (event) {
    var status = event.detail.xhr.status;
    away.hidden = !(status === 0 || status === 503);
    htmx.config.timeout = away.hidden ? 8000 : 2000;
    if (status === 400 && event.detail.requestConfig.verb === "post") location.reload();
  });

  // How many are waiting: in the window's title, and spoken once when the number changes.
  function count() {
    var list = document.querySelector("[data-open]");
    var said = document.getElementById("count");
    if (!list || !said) return;
    document.title = (list.dataset.open > 0 ? "(" + list.dataset.open + ") " : "") + title;
    if (said.textContent !== list.dataset.said) said.textContent = list.dataset.said;
  }
  body.addEventListener("htmx:afterSettle", count);
  count();

  // Ages and countdowns run on between two fetches.
  function words(s) {
    var unit = body.dataset;
    if (s < 60) return s + " " + unit.s;
    if (s < 3600) return Math.floor(s / 60) + " " + unit.min + " " + (s % 60) + " " + unit.s;
    return Math.floor(s / 3600) + " " + unit.h + " " + Math.floor(s % 3600 / 60) + " " + unit.min;
  }
  setInterval(function () {
    document.querySelectorAll("[data-tick]").forEach(function (part) {
      var s = Math.max(0, +part.dataset.seconds + +part.dataset.tick);
      part.dataset.seconds = s;
      part.textContent = words(s);
      var passing = s ? null : part.closest("[data-passing]"); // what can be done until then
      if (passing) passing.remove();
    });
  }, 1000);

  // The phone knows what the box may not: the time, and where it is.
  document.querySelectorAll("[data-now]").forEach(function (field) {
    field.form.addEventListener("submit", function () { field.value = Date.now(); });
  });
  document.querySelectorAll("[data-timezone]").forEach(function (field) {
    field.value = Intl.DateTimeFormat().resolvedOptions().timeZone || field.value;
  });

  // A scanner types wherever the focus is: lead it to the code.
  document.addEventListener("keydown", function (event) {
    var code = document.querySelector("[data-scan]");
    var at = event.target;
    if (!code || event.key.length !== 1 || event.key === " ") return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (at.matches("input, textarea, select")) return;
    code.focus();
  });
})();
