/* The live check of a token. htmx sends the form and puts each message into the part below it; this decides what is seen
   meanwhile. What was pasted stays in the field, and nowhere else, until it is stored. */

/** The texts of a problem, put into the panel that stands ready for an answer that was no check. */
const fill = (panel, problem) => {
  for (const part of ["title", "detail"]) {
    if (problem?.[part]) panel.querySelector(`[data-part="${part}"]`).textContent = problem[part];
  }
  if (!Array.isArray(problem?.remedies) || problem.remedies.length === 0) return;
  panel.querySelector("ul").replaceChildren(
    ...problem.remedies.map((remedy) => Object.assign(document.createElement("li"), { textContent: remedy })),
  );
};

export const watchCheck = (form, announce) => {
  const field = form.elements.token;
  const place = document.getElementById("check");
  const note = document.getElementById("token-note");
  const button = form.querySelector("[type=submit]");
  let said = "";
  /* `idle`, `running`, `refused`, `stopped` or `stored`. */
  let state = "idle";

  const showForm = (isShown) => {
    form.hidden = !isShown;
    place.setAttribute("aria-busy", String(!isShown));
  };

  const end = (how, isTokenWrong) => {
    state = how;
    showForm(true);
    note.textContent = note.dataset.kept;
    field.setAttribute("aria-invalid", String(isTokenWrong));
  };

  const breakOff = (problem) => {
    const panel = document.getElementById("broken").content.cloneNode(true);
    fill(panel, problem);
    place.replaceChildren(panel);
    end("refused", false);
    button.focus();
  };

  form.addEventListener("htmx:before:request", () => {
    state = "running";
    said = "";
    if (field.type !== "password") form.querySelector("[data-reveal=token]").click();
    announce("Checking with Cloudflare.");
  });

  /* An answer that is no stream is a refusal of the request itself, for example of its origin. */
  form.addEventListener("htmx:before:response", async (event) => {
    const answer = event.detail.ctx.response.raw;
    if (answer.headers.get("content-type")?.includes("text/event-stream") || answer.headers.has("hx-redirect")) return;
    event.preventDefault();
    state = "refused";
    breakOff(await answer.json().catch(() => undefined));
  });

  form.addEventListener("htmx:sse:after:message", (event) => {
    if (event.detail.message.event || state !== "running") return;
    if (!form.hidden) {
      showForm(false);
      document.getElementById("checking")?.focus({ preventScroll: true });
    }
    const words = place.querySelector("[data-said]")?.textContent ?? "";
    if (words && words !== said) announce(words);
    said = words;
  });

  form.addEventListener("stored", (event) => {
    state = "stored";
    form.reset();
    location.assign(event.detail.data);
  });

  form.addEventListener("refused", (event) => {
    const isTokenWrong = event.detail.data === "paste";
    end("refused", isTokenWrong);
    if (isTokenWrong) {
      field.focus();
      field.select();
    } else {
      button.focus();
    }
  });

  place.addEventListener("click", (event) => {
    if (!event.target.closest("[data-stop]")) return;
    end("stopped", false);
    place.replaceChildren();
    form.dispatchEvent(new CustomEvent("htmx:abort"));
    announce("Stopped.");
    button.focus();
  });

  /* The stream ended without saying how, or could not begin. */
  form.addEventListener("htmx:finally:request", () => {
    if (state === "running") breakOff();
  });
};
