// The controls of an explorer. Every number, text and picture comes from Python; this file sends what was moved,
// typed or pressed, and shows what comes back. One message is under way at a time: while it is, only the latest
// position of a slider waits, so a drag never lags behind, and its last value always arrives.

const SILENCE = 5000; // milliseconds without an answer, after which that is said
const PAUSE = 80; // milliseconds between two steps of Run

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

let count = 0;

function render({ model, el }) {
  const page = model.get("page");
  const me = `bpcourse-${Math.random().toString(36).slice(2)}-${count++}`;
  // JupyterLab would take arrow keys from a focused control, and fold a section of the notebook.
  const own = { "data-lm-suppress-shortcuts": "true" };

  // Sending

  const queue = [];
  let sent = 0, answered = 0, silence = null, running = null, dragged = null;

  function send(message) {
    const last = queue[queue.length - 1];
    if (last && last.do === "set" && message.do === "set" && message.again && message.name === last.name)
      last.value = message.value;
    else queue.push(message);
    next();
  }

  function next() {
    if (sent > answered || queue.length === 0) return;
    model.send({ ...queue.shift(), edit: `${me}:${++sent}` });
    root.dataset.state = "waiting";
    clearTimeout(silence);
    silence = setTimeout(() => {
      note.textContent = "No answer yet: the kernel is busy or has stopped. If it stays so, run the cell again.";
    }, SILENCE);
  }

  // The controls, by name

  const ranges = {}, fields = {}, selects = {};

  function control({ name, label, low, high, unit }) {
    const range = element("input", {
      type: "range", min: low, max: high, step: unit, id: `${me}-${name}`, "data-name": name, ...own,
      oninput: () => {
        send({ do: "set", name, value: Number(range.value), again: dragged === name });
        dragged = name;
      },
      onchange: () => { dragged = null; },
    });
    const field = element("input", {
      type: "text", inputmode: "decimal", autocomplete: "off", "aria-label": `${label} as a number`, "data-name": name,
      ...own,
      oninput: () => { field.dataset.typing = "true"; },
      onchange: () => send({ do: "type", name, text: field.value }),
    });
    ranges[name] = range;
    fields[name] = field;
    return element("div", { class: "control" }, element("label", { for: range.id }, label), range, field);
  }

  function choice({ name, label, options }) {
    const select = element("select", {
      id: `${me}-${name}`, "data-name": name, ...own,
      onchange: () => send({ do: "set", name, value: select.value, again: false }),
    }, ...options.map(([value, shown]) => element("option", { value }, shown)));
    selects[name] = select;
    return element("span", { class: "choice" }, element("label", { for: select.id }, label), select);
  }

  function button(name, label, hint, onclick) {
    return element("button", { type: "button", title: hint, "data-name": name, ...own, onclick }, label);
  }

  function run() {
    clearTimeout(running);
    running = running ? null : setTimeout(again, 0);
    runner.textContent = running ? "Pause" : "Run";
  }

  function again() {
    send({ do: "press", name: repeated.name });
  }

  const press = (name) => () => send({ do: "press", name });
  const repeated = page.buttons.find((each) => each.repeats);
  const runner = repeated && button("run", "Run", `${repeated.label} again and again`, run);
  const bar = element("div", { class: "bar", role: "group", "aria-label": "Steps" },
    ...page.buttons.map((each) => button(each.name, each.label, each.hint, press(each.name))),
    ...(runner ? [runner] : []),
    button("undo", "Undo", "Take back the last change", press("undo")),
    button("reset", "Reset", "All numbers as they were at first", press("reset")),
    ...page.choices.map(choice));
  const folds = (beside) => page.groups.filter((group) => group.beside === beside).map((group) =>
    element("details", { class: "group", open: group.open },
      element("summary", own, group.title), element("div", { class: "controls" }, ...group.controls.map(control))));

  // What is shown

  const picture = element("div", {
    class: "picture",
    onclick: (event) => {
      const picked = event.target.closest("[data-name]");
      if (picked && selects.explain && !frame.disabled)
        send({ do: "set", name: "explain", value: picked.dataset.name, again: false });
    },
  });
  const caption = element("div", { class: "caption", "aria-live": "polite" });
  const beside = element("div", { class: "beside" });
  const solution = element("div", { class: "solution" });
  const note = element("p", { class: "message", role: "status" });
  const alert = element("p", { class: "message wrong", role: "alert", id: `${me}-alert` });
  const values = element("div");
  const table = element("details", { class: "group", ontoggle: () => send({ do: "table", open: table.open }) },
    element("summary", own, "All values as a table"), values);
  const frame = element("fieldset", { class: "frame" }, element("legend", {}, page.title), bar, picture, alert, note, caption,
    element("div", { class: "beneath" }, element("div", { class: "groups" }, ...folds(false)),
      element("div", { class: "right" }, ...folds(true), beside)), solution, table);

  const predicted = element("p", { class: "message" });
  const guess = element("input", { type: "text", autocomplete: "off", id: `${me}-guess`, ...own });
  const form = element("form", {
    class: "predict",
    onsubmit: (event) => {
      event.preventDefault();
      send({ do: "predict", text: guess.value });
    },
  }, element("label", { for: guess.id }, page.question), guess, element("button", own, "Predict"));

  // Only what differs is touched, so that nothing flickers and a selection or a focus stays.
  function put(node, html) {
    if (node.shown === html) return;
    node.innerHTML = node.shown = html;
  }

  function update() {
    const view = model.get("view");
    const [author, number] = view.edit.split(":");
    if (author === me) {
      answered = Number(number);
      clearTimeout(silence);
    }
    const waiting = new Set(queue.map((message) => message.name));
    for (const [name, [value, text]] of Object.entries(view.values)) {
      if (waiting.has(name)) continue;
      if (selects[name]) selects[name].value = value;
      if (!ranges[name]) continue;
      if (name !== dragged) ranges[name].value = value;
      ranges[name].setAttribute("aria-valuetext", `${text}, ${view.said}`);
      const wrong = view.alert && view.about === name;
      const field = fields[name];
      if (wrong) field.setAttribute("aria-invalid", "true");
      else if (author === me || !field.dataset.typing) {
        field.value = text;
        delete field.dataset.typing;
        field.removeAttribute("aria-invalid");
      }
      if (wrong) field.setAttribute("aria-describedby", alert.id);
      else field.removeAttribute("aria-describedby");
    }
    put(picture, view.picture);
    put(caption, view.caption);
    put(beside, view.beside);
    put(solution, view.solution);
    put(values, view.table);
    note.textContent = view.note;
    alert.textContent = view.alert;
    predicted.textContent = view.predicted;
    form.hidden = !view.locked;
    frame.disabled = view.locked;
    if (running && (view.alert || view.locked)) run();
    next();
    root.dataset.state = sent > answered ? "waiting" : "idle";
    if (running && author === me && sent === answered) running = setTimeout(again, PAUSE);
  }

  const root = element("section", { class: "bpcourse", "aria-label": page.title, onkeydown: (event) => event.stopPropagation() },
    form, predicted, frame);
  el.append(root);
  update();
  model.on("change:view", update);
  return () => {
    clearTimeout(running);
    clearTimeout(silence);
    model.off("change:view", update);
  };
}

export default { render };
