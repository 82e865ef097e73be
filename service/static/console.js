// What makes the console pleasanter with JavaScript; every page works without it.
"use strict";

const POLL_MILLISECONDS = 1500;

// The page of a busy load: fresh figures, and the page anew when the state has changed
// or the load has begun to wait.
for (const panel of document.querySelectorAll("[data-progress]")) {
  followProgress(panel);
}

async function followProgress(panel) {
  const bar = panel.querySelector("progress");
  const format = new Intl.NumberFormat(document.documentElement.lang);
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
    if (document.hidden) continue;
    let figures;
    try {
      const answer = await fetch(panel.dataset.progress, { redirect: "error" });
      if (!answer.ok) throw new Error(String(answer.status));
      figures = await answer.json();
    } catch {
      continue; // The network or the session is gone; the figures on the page stay.
    }
    if (figures.status !== panel.dataset.state || figures.waits !== (panel.dataset.waits ?? "")) {
      location.reload();
      return;
    }
    if (figures.total) {
      bar.max = figures.total;
      bar.value = figures.done + figures.failed + figures.skipped;
    }
    for (const place of panel.querySelectorAll("[data-count]")) {
      const text = format.format(figures[place.dataset.count]);
      if (place.textContent !== text) place.textContent = text;
    }
  }
}

// Filters answer to a choice at once; the button is for those without JavaScript.
for (const form of document.querySelectorAll("form[data-submit-on-change]")) {
  form.querySelector("button").hidden = true;
  form.addEventListener("change", () => form.requestSubmit());
}

// Empty filters stay out of the address.
for (const form of document.querySelectorAll("form[method=get]")) {
  form.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) {
      if (value === "") event.formData.delete(name);
    }
  });
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

// The field for files takes what is dropped on it and lists what was chosen.
for (const zone of document.querySelectorAll("[data-drop]")) {
  const input = zone.querySelector("input[type=file]");
  const list = zone.querySelector("[data-chosen]");
  for (const text of zone.querySelectorAll("[data-enhanced]")) text.hidden = false;
  zone.classList.add("enhanced");
  for (const name of ["dragenter", "dragover"]) {
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) {
    zone.addEventListener(name, () => zone.classList.remove("over"));
  }
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    input.files = event.dataTransfer.files;
    showChosen();
  });
  input.addEventListener("change", showChosen);

  function showChosen() {
    const files = [...input.files];
    const bytes = files.reduce((sum, file) => sum + file.size, 0);
    const size = new Intl.NumberFormat(document.documentElement.lang, {
      style: "unit", unit: "kilobyte", maximumFractionDigits: 0,
    });
    list.replaceChildren(...files.map((file) => {
      const item = document.createElement("li");
      item.textContent = `${file.name}, ${size.format(Math.ceil(file.size / 1024))}`;
      return item;
    }));
    const tooLarge = bytes > Number(zone.dataset.maxBytes);
    input.setCustomValidity(tooLarge ? zone.dataset.tooLarge : "");
    if (tooLarge) input.reportValidity();
  }
}
