/* What scripts add to pages that work without them. htmx carries the live parts; the rest is small and here. */
import "htmx.org";
import "htmx.org/dist/ext/hx-sse.js";
import { watchCheck } from "./check.js";

document.documentElement.classList.add("scripts");

/** Whose midnight counts: pages that draw days read it. */
document.cookie = `time_zone=${Intl.DateTimeFormat().resolvedOptions().timeZone}; path=/; max-age=31536000; samesite=lax`;

const announce = (text) => {
  const region = document.getElementById("said");
  if (region) region.textContent = text;
};

/** The text of an element; of a list of names and values one pair a line. */
const textOf = (element) =>
  element.matches("dl")
    ? [...element.querySelectorAll("dt")].map((name) => `${name.innerText}: ${name.nextElementSibling.innerText}`).join("\n")
    : element.innerText;

/** Copies the text of the element that `data-copy` names, and says so where it was asked. */
const copy = async (button) => {
  const from = document.getElementById(button.dataset.copy);
  if (!from) return;
  try {
    await navigator.clipboard.writeText(from.dataset.text ?? textOf(from));
    button.textContent = "Copied";
    announce("Copied");
  } catch {
    getSelection()?.selectAllChildren(from);
    announce("Not allowed to copy. The text is selected; copy it with the keyboard.");
  }
};

/** Shows or hides what is typed in the field that `data-reveal` names. */
const reveal = (button) => {
  const field = document.getElementById(button.dataset.reveal);
  if (!field) return;
  const hidden = field.type === "password";
  field.type = hidden ? "text" : "password";
  button.textContent = hidden ? "Hide" : "Show";
  button.setAttribute("aria-pressed", String(hidden));
};

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-copy], [data-reveal]");
  if (button?.dataset.copy) copy(button);
  if (button?.dataset.reveal) reveal(button);
  for (const open of document.querySelectorAll("details.more[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = document.querySelector("details.more[open]");
  if (open) {
    open.open = false;
    open.querySelector("summary").focus();
  }
});

/** A form is sent once: a second press while the answer is on its way does nothing. */
document.addEventListener("submit", (event) => {
  const form = event.target;
  // Sent by a script, which keeps the page.
  if (form.matches("[data-check]") && event.defaultPrevented) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  // What says nothing need not stand in the address.
  if (form.matches("[data-lean]")) {
    for (const field of form.elements) if (field.name && !field.value) field.disabled = true;
  }
  if (form.method !== "post") return;
  form.dataset.sent = "yes";
  form.setAttribute("aria-busy", "true");
  const button = event.submitter;
  if (button?.dataset.busy) {
    button.classList.add("wait");
    button.textContent = button.dataset.busy;
    announce(button.dataset.busy);
  }
});
addEventListener("pageshow", () => {
  for (const field of document.querySelectorAll("[data-lean] :disabled")) field.disabled = false;
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

/** How many were found, once a list was searched: the list itself would be too long to hear. */
document.addEventListener("htmx:after:swap", () => {
  const field = document.activeElement?.closest?.("[hx-target]");
  const found = document.querySelector(`${field?.getAttribute("hx-target") ?? "#none"} [data-found]`);
  if (found) announce(found.textContent.trim());
});

/** That there are newer visits than the page counts is said once, however many more come. */
let hasToldNews = false;
document.addEventListener("htmx:after:swap", () => {
  const news = hasToldNews ? null : document.querySelector("[data-news]");
  if (!news) return;
  hasToldNews = true;
  announce(news.textContent);
});

/** When a deployment has ended, the rail and the title say so too. */
document.addEventListener("finished", async () => {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of [".rail nav", "#live"]) {
    const [now, then] = [document.querySelector(part), fresh.querySelector(part)];
    if (now && then) now.replaceWith(document.adoptNode(then));
  }
  document.title = fresh.title;
  announce(fresh.title);
});

/** Counts down to a time that is waited for. */
setInterval(() => {
  for (const time of document.querySelectorAll("time[data-countdown]")) {
    const seconds = Math.ceil((Date.parse(time.dateTime) - Date.now()) / 1000);
    time.textContent = seconds > 0 ? `in ${seconds} s` : "now";
  }
}, 1000);
const check = document.querySelector("form[data-check]");
if (check) watchCheck(check, announce);

const source = document.querySelector("textarea[data-editor]");
if (source) import("./editor.js").then((editor) => editor.start(source));
