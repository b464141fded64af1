// What pages gain by a script; every one of them works without it.
"use strict";
(() => {
  document.documentElement.classList.add("with-script");

  const said = document.createElement("div");
  said.className = "pf-v6-screen-reader";
  said.setAttribute("role", "status");

  // <button data-copy="TEXT">, <button data-copy="#ID"> or <button data-copy-from="ID">; hidden until now
  const offer = (root) => root.querySelectorAll("[data-copy][hidden]").forEach((button) => (button.hidden = false));
  offer(document);
  document.addEventListener("htmx:load", (event) => offer(event.target));
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy], [data-copy-from]");
    if (!button) return;
    const id = button.dataset.copyFrom ?? /^#([\w-]+)$/.exec(button.dataset.copy)?.[1];
    const from = document.getElementById(id);
    const text = (from ? null : button.dataset.copy) ?? from?.value ?? from?.textContent ?? "";
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      return select(from ?? button.closest(".command")?.querySelector("input, code, pre"));
    }
    button.classList.add("copied");
    if (!said.isConnected) document.body.append(said);
    said.textContent = "Copied";
    setTimeout(() => {
      button.classList.remove("copied");
      said.textContent = "";
    }, 2000);
  });

  // Where there is no clipboard, the text is at least marked.
  function select(element) {
    if (!element) return;
    if (element.select) return element.select();
    const range = document.createRange();
    range.selectNodeContents(element);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  }

  // Menus close like menus do.
  const menus = () => document.querySelectorAll("details.menu[open], details.nav-toggle[open]");
  document.addEventListener("click", (event) => {
    for (const menu of menus()) {
      const inNavigation = menu.matches(".nav-toggle") && event.target.closest(".pf-v6-c-page__sidebar");
      if (!menu.contains(event.target) && !inNavigation) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of menus()) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  document.addEventListener("change", (event) => {
    event.target.closest("form[data-submit-on-change]")?.requestSubmit();
  });

  // One tick for a whole list, and how many are ticked.
  document.addEventListener("change", (event) => {
    const id = event.target.dataset.chooseAll ?? event.target.getAttribute("form");
    const all = id && document.querySelector(`[data-choose-all="${CSS.escape(id)}"]`);
    if (!all) return;
    const boxes = [...document.querySelectorAll(`input[type="checkbox"][form="${CSS.escape(id)}"]`)];
    if (event.target === all) boxes.forEach((box) => (box.checked = all.checked));
    const ticked = boxes.filter((box) => box.checked).length;
    all.checked = ticked > 0 && ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
    const told = document.querySelector(`[data-chosen="${CSS.escape(id)}"]`);
    if (told) told.textContent = ticked ? `${ticked} selected` : "";
  });

  // A dialog that the server has opened becomes a real one: focus stays in it, Escape takes its way out.
  function raise(root) {
    for (const dialog of root.querySelectorAll("dialog[open][data-close]")) {
      if (dialog.matches(":modal")) continue;
      dialog.removeAttribute("open");
      dialog.showModal();
      dialog.addEventListener("cancel", (event) => {
        event.preventDefault();
        location.assign(dialog.dataset.close);
      });
    }
  }
  raise(document);
  document.addEventListener("htmx:afterSettle", (event) => raise(event.target));

  // A browser tells of the first wrong field and stops there; here all of them are told, each beside its field.
  document.addEventListener("invalid", (event) => tell(event.target), true);
  document.addEventListener("input", (event) => event.target.validity?.valid && untell(event.target));

  function tell(field) {
    const group = field.closest(".pf-v6-c-form__group-control");
    if (!group || !field.id) return;
    let note = document.getElementById(`${field.id}-error`);
    if (!note) {
      const outer = group.appendChild(document.createElement("div"));
      outer.className = "pf-v6-c-form__helper-text";
      outer.dataset.told = field.id;
      note = outer.appendChild(document.createElement("div")).appendChild(document.createElement("div"));
      note.parentElement.className = "pf-v6-c-helper-text";
      note.className = "pf-v6-c-helper-text__item pf-m-error";
      note.id = `${field.id}-error`;
      note.appendChild(document.createElement("span")).className = "pf-v6-c-helper-text__item-text";
      const described = field.getAttribute("aria-describedby");
      field.setAttribute("aria-describedby", described ? `${described} ${note.id}` : note.id);
    }
    note.querySelector(".pf-v6-c-helper-text__item-text").textContent = field.validationMessage;
    field.setAttribute("aria-invalid", "true");
    field.parentElement.classList.add("pf-m-error");
  }

  function untell(field) {
    const outer = field.id && document.querySelector(`[data-told="${CSS.escape(field.id)}"]`);
    if (!outer) return;
    const rest = (field.getAttribute("aria-describedby") ?? "").replace(`${field.id}-error`, "").trim();
    if (rest) field.setAttribute("aria-describedby", rest);
    else field.removeAttribute("aria-describedby");
    field.removeAttribute("aria-invalid");
    field.parentElement.classList.remove("pf-m-error");
    outer.remove();
  }

  // Two password fields must agree before the form is sent.
  document.addEventListener("input", (event) => {
    const field = event.target;
    const other = field.form?.querySelector(`[data-same-as="${CSS.escape(field.name)}"]`) ?? (field.dataset.sameAs ? field : null);
    if (!other) return;
    const first = other.form.elements[other.dataset.sameAs];
    other.setCustomValidity(other.value && other.value !== first.value ? "The passwords do not match" : "");
  });
})();
