// The controls of an explorer. Every number, text and picture comes from Python; this file sends what was moved,
// typed or pressed, and shows what comes back. One message is under way at a time: while it is, only the latest
// position of a slider waits, so that nothing lags behind, and the last value always arrives.

const SILENCE = 5000; // milliseconds without an answer, after which that is said
const PACE = 100; // milliseconds from one press to the next while it runs, at least

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

let views = 0;

function render({ model, el }) {
  const page = model.get("page");
  const me = `bpcourse-${Math.random().toString(36).slice(2)}-${views++}`;
  // JupyterLab would take arrow keys from a focused control, and fold a section of the notebook.
  const own = { "data-lm-suppress-shortcuts": "true" };

  // Sending

  const queue = [];
  let count = 0, current = null, silence = null, running = false, timer = null, pressed = 0, gesture = null;

  function send(message) {
    const last = queue[queue.length - 1], moves = ["set", "point"].includes(message.do);
    if (last && moves && message.do === last.do && message.name === last.name)
      Object.assign(last, message, { again: last.again });
    else queue.push(message);
    next();
  }

  function next() {
    root.dataset.state = current || queue.length ? "waiting" : "idle";
    if (current || queue.length === 0) return;
    current = { ...queue.shift(), edit: `${me}:${++count}` };
    silence = setTimeout(() => {
      note.textContent = "No answer yet: the kernel is busy or has stopped. If it stays so, run the cell again.";
    }, SILENCE);
    try {
      model.send(current);
    } catch {
      stopped();
    }
  }

  function stopped() {
    clearTimeout(silence);
    queue.length = 0;
    current = null;
    pause();
    root.dataset.state = "idle";
    alert.textContent = "The kernel was restarted or has stopped. Run the cell again.";
  }

  // The controls, by name

  const ranges = {}, fields = {}, selects = {}, labels = {}, units = {};

  function control({ name, label, low, high, unit }) {
    labels[name] = label;
    units[name] = unit;
    const range = element("input", {
      type: "range", min: low, max: high, step: unit, id: `${me}-${name}`, "data-name": name, ...own,
      // Undo takes back one gesture: a drag, or arrow keys without a pause for another control.
      onpointerdown: () => { gesture = null; },
      onblur: () => { gesture = null; },
      oninput: () => {
        send({ do: "set", name, value: Number(range.value), again: gesture === name });
        gesture = name;
      },
    });
    const field = element("input", {
      type: "text", inputmode: "decimal", autocomplete: "off", "aria-label": `${label} as a number`, "data-name": name,
      ...own,
      oninput: () => { field.typing = true; },
      onchange: () => {
        field.typing = false;
        field.sent = true;
        send({ do: "type", name, text: field.value });
      },
      onblur: () => write(field, model.get("view").values[name][1]),
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
    running = !running;
    runner.textContent = running ? "❚❚ Pause" : start;
    clearTimeout(timer);
    if (running) again(true);
  }

  function pause() {
    if (running) run();
  }

  function again(first = false) {
    pressed = performance.now();
    send({ do: "press", name: repeated.name, again: !first }); // Undo takes back the whole run
  }

  const press = (name) => () => {
    pause();
    send({ do: "press", name });
  };
  const repeated = page.buttons.find((each) => each.repeats);
  const single = repeated?.only_runs;
  const start = single ? `▶ ${repeated.label}` : "Run";
  const runner = repeated && button("run", start, single ? repeated.hint : `${repeated.label} again and again`, run);
  const bar = element("div", { class: "bar", role: "group", "aria-label": "Steps" },
    ...(single ? [runner] : []),
    ...page.buttons.filter((each) => !each.only_runs).map((each) => button(each.name, each.label, each.hint, press(each.name))),
    ...(runner && !single ? [runner] : []),
    ...(page.undo ? [button("undo", "Undo", "Take back the last change", press("undo"))] : []),
    button("reset", "Reset", "Back to the first numbers", press("reset")),
    ...page.choices.map(choice));
  const folds = (beside) => page.groups.filter((group) => group.beside === beside).map((group) =>
    element("details", { class: "group", open: group.open },
      element("summary", own, group.title), element("div", { class: "controls" }, ...group.controls.map(control))));

  // What is shown

  const picture = element("div", {
    class: "picture",
    onclick: (event) => {
      if (numberAt(event)) return;
      const picked = event.target.closest("[data-name]");
      if (!selects.explain || frame.disabled) return;
      // A second click, or one beside everything, ends the explanation.
      const shown = selects.explain.value, same = picked?.dataset.name === shown.replace(/@.*/, "");
      if (picked ? !same || shown : shown) explain(picked && !same ? picked.dataset.name : "");
    },
    onpointerdown: (event) => {
      const area = event.target.closest("[data-touch]");
      if (area && !frame.disabled && !event.button) {
        pause();
        gesture = null;
        touching = true;
        picture.setPointerCapture(event.pointerId);
        point(event);
        return;
      }
      const name = numberAt(event);
      if (!name || event.button) return;
      drag = { name, x: event.clientX, start: latest(name), moved: false };
      gesture = null;
      picture.setPointerCapture(event.pointerId);
    },
    onpointermove: (event) => {
      if (touching) point(event);
      if (!drag || (!drag.moved && Math.abs(event.clientX - drag.x) < 4)) return;
      drag.moved = true;
      move(drag.name, drag.start + (event.clientX - drag.x) * units[drag.name]);
    },
    onpointerup: () => {
      if (drag && !drag.moved) open(drag.name);
      drag = null;
      touching = false;
    },
    onpointercancel: () => {
      drag = null;
      touching = false;
    },
    onkeydown: (event) => {
      const name = numberAt(event);
      const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
      if (!name || (!steps && event.key !== "Enter" && event.key !== " ")) return;
      event.preventDefault();
      if (steps) move(name, latest(name) + steps * units[name]);
      else open(name);
    },
    onpointerover: (event) => showFan(event.target),
    onfocusin: (event) => showFan(event.target),
    onfocusout: () => { gesture = null; },
  });

  // Where weights have no labels, those of the line or unit under the pointer are shown.
  let fan = [];

  function showFan(target) {
    const name = target.closest("[data-name], [data-unit]");
    const all = name ? `${name.dataset.name ?? ""} ${name.closest("[data-unit]")?.dataset.unit ?? ""}` : "";
    const weight = all.match(/W(\d+)\[(\d+),(\d+)\]/), unit = all.match(/(?:a(\d+)|x)\[(\d+)\]/);
    if (weight) fan = weight.slice(1);
    else if (unit) fan = [unit[1] ?? "0", unit[2]];
    else if (!target.closest("[data-fan]")) fan = [];
    fanOut();
  }

  function fanOut() {
    for (const label of picture.querySelectorAll("[data-fan]")) {
      const [layer, from, to] = label.dataset.fan.split(" "), [of, first, second] = fan;
      const into = layer === of && to === first, out = Number(layer) === Number(of) + 1 && from === first;
      const seen = second ? layer === of && from === first && to === second : into || out;
      label.setAttribute("display", seen ? "inline" : "none");
    }
  }

  function explain(name) {
    send({ do: "set", name: "explain", value: name, again: false });
  }

  // A number in the picture is a control: drag it, use the arrow keys, or open its slider and field beside it.

  const card = element("div", {
    class: "card", hidden: true, role: "group",
    onkeydown: (event) => {
      if (event.key === "Escape") close(true);
    },
  }, button("close", "×", "Close", () => close(true)));
  const stage = element("div", { class: "stage" }, picture, card);
  const place = element("div", { class: "control" });
  let drag = null, touching = false, opened = "";

  // A point of a chart: how far across and up its area the pointer is, from 0 to 1.
  function point(event) {
    const box = picture.querySelector("[data-touch]").getBoundingClientRect();
    const share = (at, size) => Math.min(Math.max(at / size, 0), 1);
    const place = { across: share(event.clientX - box.left, box.width), up: share(box.bottom - event.clientY, box.height) };
    send({ do: "point", name: "", ...place, again: gesture === "point" });
    gesture = "point";
  }

  function numberAt(event) {
    const name = event.target.closest?.("[data-control]")?.dataset.control;
    return name in ranges && !frame.disabled ? name : "";
  }

  function latest(name) {
    const sent = [...queue].reverse().concat(current ?? []).find((each) => each.do === "set" && each.name === name);
    return sent ? sent.value : model.get("view").values[name][0];
  }

  function move(name, value) {
    const places = Math.max(0, -Math.floor(Math.log10(units[name])));
    send({ do: "set", name, value: Number(value.toFixed(places)), again: gesture === name });
    gesture = name;
  }

  function mark(name) {
    return picture.querySelector(`[data-control="${CSS.escape(name)}"]`);
  }

  function open(name) {
    close(false);
    const node = ranges[name].parentElement;
    node.replaceWith(place);
    card.prepend(node);
    card.setAttribute("aria-label", labels[name]);
    card.hidden = false;
    opened = name;
    follow();
    ranges[name].focus({ preventScroll: true });
  }

  function close(back) {
    if (!opened) return;
    const name = opened;
    place.replaceWith(ranges[name].parentElement);
    card.hidden = true;
    opened = "";
    if (back) mark(name)?.focus({ preventScroll: true });
  }

  function follow() {
    const number = opened && mark(opened);
    if (!number) return;
    const box = (number.closest("g[data-name]") ?? number).getBoundingClientRect(), around = stage.getBoundingClientRect();
    const left = box.left + box.width / 2 - around.left - card.offsetWidth / 2;
    card.style.left = `${Math.max(0, Math.min(left, around.width - card.offsetWidth))}px`;
    card.style.top = `${box.bottom - around.top + 10}px`;
  }

  // The picture is new after each change, so what its numbers are is said again, and the focus goes to the same one.
  function prepare(focused) {
    picture.querySelector("svg")?.setAttribute("role", "group");
    for (const number of picture.querySelectorAll("[data-control]")) {
      const name = number.dataset.control;
      if (!(name in ranges)) {
        number.removeAttribute("data-control");
        continue;
      }
      const [value, text] = model.get("view").values[name];
      const said = {
        tabindex: 0, role: "slider", "aria-label": `${labels[name]} in the picture`, "aria-valuenow": value,
        "aria-valuemin": ranges[name].min, "aria-valuemax": ranges[name].max,
        "aria-valuetext": `${text}, ${model.get("view").said}`, "data-lm-suppress-shortcuts": "true",
      };
      for (const [attribute, content] of Object.entries(said)) number.setAttribute(attribute, content);
      if (name === focused) number.focus({ preventScroll: true });
    }
    fanOut();
    follow();
  }

  const caption = element("div", { class: "caption" });
  const heard = element("p", { class: "heard", role: "status" });
  const beside = element("div", { class: "beside" });
  const solution = element("div", { class: "solution", role: "region", "aria-label": "Worked solution", tabindex: 0 });
  const note = element("p", { class: "message", role: "status" });
  const alert = element("p", { class: "message wrong", role: "alert", id: `${me}-alert` });
  const values = element("div");
  const table = element("details", { class: "group", ontoggle: () => send({ do: "table", open: table.open }) },
    element("summary", own, "All values as a table"), values);
  const groups = element("div", { class: "groups" }, ...folds(false)), right = element("div", { class: "right" });
  const row = (...parts) => element("div", { class: "row" }, ...parts);
  const frame = element("fieldset", { class: "frame" }, element("legend", {}, page.title), bar);
  if (page.split) {
    right.append(caption, beside, ...folds(true));
    frame.append(row(stage, right), alert, note, groups, table, heard);
  } else {
    right.append(...folds(true), beside);
    frame.append(stage, alert, note, caption, solution, row(groups, right), table, heard);
  }

  const predicted = element("p", { class: "message", role: "status" });
  const guess = element("input", { type: "text", autocomplete: "off", id: `${me}-guess`, ...own });
  const form = element("form", {
    class: "predict",
    onsubmit: (event) => {
      event.preventDefault();
      send({ do: "predict", text: guess.value });
    },
  }, element("label", { for: guess.id }, page.question),
  ...["▲ up", "▬ same", "▼ down"].map((text) => element("button", {
    type: "button", ...own, onclick: () => send({ do: "predict", text: text.slice(2) }),
  }, text)), guess, element("button", own, "Predict"));

  // What is being typed, has not been answered yet or was wrong stays in its field.
  function write(field, text) {
    if (!field.typing && !field.sent && !field.wrong) field.value = text;
  }

  // Only what differs is touched, so that nothing flickers and a selection or a focus stays.
  function put(node, html) {
    if (node.shown === html) return false;
    node.innerHTML = node.shown = html;
    return true;
  }

  function update() {
    const view = model.get("view");
    const done = current && current.edit === view.edit ? current : null;
    if (done) {
      current = null;
      clearTimeout(silence);
    }
    if (view.alert || view.locked) pause();
    const waiting = new Set(queue.map((message) => message.name));
    next(); // first, so that the kernel goes on while this is drawn
    if (done && running && !current) {
      clearTimeout(timer);
      const wait = pressed + PACE - performance.now();
      if (wait > 0) timer = setTimeout(again, wait);
      else again();
    }
    for (const [name, [value, text]] of Object.entries(view.values)) {
      if (selects[name]) selects[name].value = value;
      if (!ranges[name]) continue;
      const range = ranges[name], field = fields[name];
      [range.min, range.max] = view.ends[name];
      if (!waiting.has(name)) range.value = value;
      const answered = done && done.do === "type" && done.name === name;
      range.setAttribute("aria-valuetext", `${text}, ${view.said}`);
      if (answered) {
        field.sent = false;
        field.wrong = view.alert !== "";
      } else if (done && view.alert === "") field.wrong = false;
      if (answered || document.activeElement !== field) write(field, text);
      if (field.wrong) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
      if (field.wrong) field.setAttribute("aria-describedby", alert.id);
      else field.removeAttribute("aria-describedby");
    }
    const asked = form.contains(document.activeElement);
    const focused = picture.contains(document.activeElement) ? document.activeElement.dataset.control : "";
    const before = gesture, walks = done && (["forward", "back"].includes(done.name) || done.name === "explain");
    picture.classList.toggle("fresh", Boolean(walks)); // paths light up and dots move once, not at each move
    if (put(picture, view.picture)) prepare(focused);
    if (focused) gesture = before; // the number that had the focus is another element now
    put(caption, view.caption);
    put(beside, view.beside);
    const unfolded = [...solution.querySelectorAll("details[open] > summary")].map((each) => each.textContent);
    if (put(solution, view.solution))
      for (const each of solution.querySelectorAll("details")) each.open = unfolded.includes(each.firstChild.textContent);
    put(values, view.table);
    solution.hidden = view.solution === "";
    note.textContent = view.note;
    alert.textContent = view.alert;
    predicted.textContent = view.predicted;
    form.hidden = !view.locked;
    frame.disabled = view.locked;
    if (asked && !view.locked) bar.querySelector("button").focus();
    // A slider says its value and the loss itself, and while it runs nothing should be read without end.
    if (!running && document.activeElement?.type !== "range") heard.textContent = view.said;
  }

  const root = element("section", { class: "bpcourse", "aria-label": page.title, onkeydown: (event) => {
    event.stopPropagation();
    if (event.key === "Escape" && !opened && selects.explain?.value) explain("");
  } },
    form, predicted, frame);
  el.append(root);
  update();
  model.on("change:view", update);
  return () => {
    clearTimeout(timer);
    clearTimeout(silence);
    model.off("change:view", update);
    root.remove(); // JupyterLab keeps the element of a closed view
  };
}

export default { render };
