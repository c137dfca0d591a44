/* SPDX-FileCopyrightText: 2026 the abusehandler authors
 * SPDX-License-Identifier: AGPL-3.0-or-later
 * What makes the desk quicker for hands on a keyboard. Every page works without it. */
"use strict";
(() => {
  const typing = (element) => element.matches("input:not([type=checkbox]), textarea, select, [contenteditable]");
  const rows = () => [...document.querySelectorAll("[data-row]")];
  let at = -1;

  const go = (step) => {
    const all = rows();
    if (!all.length) return;
    at = Math.max(0, Math.min(all.length - 1, at + step));
    all.forEach((row, number) => row.classList.toggle("at", number === at));
    all[at].scrollIntoView({ block: "nearest" });
    const link = all[at].querySelector("[data-open]");
    if (link) link.focus({ preventScroll: true });
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && typing(event.target)) { event.target.blur(); return; }
    if (typing(event.target)) return;
    if (event.key === "j") go(1);
    else if (event.key === "k") go(-1);
    else if (event.key === "x" && at >= 0) {
      const box = rows()[at].querySelector("input[type=checkbox]");
      if (box) box.click();
    } else if (event.key === "?") {
      const help = document.getElementById("keys");
      if (help) help.showModal();
    } else {
      const target = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
      if (!target) return;
      event.preventDefault();
      if (target.tagName === "DETAILS") {
        target.open = true;
        const field = target.querySelector("input:not([type=hidden]), textarea, select");
        if (field) field.focus();
      } else if (target.matches("input, textarea, select")) target.focus();
      else target.click();
    }
  });

  const all = document.querySelector("[data-all]");
  if (all) {
    all.hidden = false;
    const boxes = () => document.querySelectorAll("input[name=ticket]");
    all.addEventListener("change", () => boxes().forEach((box) => { box.checked = all.checked; }));
  }

  /* Click on a highlighted value, or select text, then on a field: the text goes there. */
  let field = null;
  document.addEventListener("focusin", (event) => {
    if (!event.target.matches(".fields input")) return;
    if (field) field.classList.remove("target");
    field = event.target;
    field.classList.add("target");
  });
  document.addEventListener("mouseup", (event) => {
    const letter = event.target.closest && event.target.closest(".letter");
    if (!letter) return;
    const mark = event.target.closest("mark[data-field]");
    const chosen = String(window.getSelection()).trim();
    if (chosen && field && chosen.length <= 300) {
      field.value = chosen;
      field.dispatchEvent(new Event("change", { bubbles: true }));
    } else if (mark) {
      const named = document.querySelector(`.fields input[data-field="${CSS.escape(mark.dataset.field)}"]`);
      if (named) named.focus();
    }
  });

  document.querySelectorAll("[data-confirm]").forEach((form) => form.addEventListener("submit", (event) => {
    if (!window.confirm(form.dataset.confirm)) event.preventDefault();
  }));
})();
