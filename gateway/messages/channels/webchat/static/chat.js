"use strict";
// The customer's side of the web chat. The token stays behind '#': it goes into the first frame only.
(() => {
  const MAX_FILE = 4 * 1024 * 1024;
  const language = (navigator.languages || ["zh"])[0].toLowerCase().startsWith("en") ? "en" : "zh";
  const words = TEXTS[language];
  const locale = language === "en" ? "en-GB" : "zh-CN";
  const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hour12: false });
  const calendar = new Intl.DateTimeFormat(locale, { year: "numeric", month: "long", day: "numeric" });
  const token = location.hash.slice(1);
  const $ = (id) => document.getElementById(id);
  const unsent = new Map();
  const shown = new Map();
  let socket = null;
  let pause = 500;
  let timer = 0;
  let ended = false;
  let lastDay = "";

  document.documentElement.lang = language === "en" ? "en" : "zh-CN";
  document.title = words.title;
  for (const id of ["title", "state-text", "stop", "safety", "file-label", "text-label", "send", "ask-title", "ask-text", "ask-no", "ask-yes"]) $(id).textContent = words[id];
  $("lines").setAttribute("aria-label", words.log);
  $("text").placeholder = words.placeholder;

  const ref = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

  function state(name, text) {
    $("state").dataset.state = name;
    $("state-text").textContent = text;
    $("send").disabled = name !== "on" || !$("text").value.trim();
    $("stop").hidden = name !== "on";
  }

  function element(name, className, text) {
    const made = document.createElement(name);
    made.className = className;
    made.textContent = text;
    return made;
  }

  function dayOf(at) {
    const midnight = new Date().setHours(0, 0, 0, 0);
    if (at >= midnight) return words.today;
    return at >= midnight - 86400000 ? words.yesterday : calendar.format(at);
  }

  function show(id, { text, mine, note, at, file }) {
    let box = shown.get(id);
    if (!box) {
      const when = at ? new Date(at) : new Date();
      const day = dayOf(when);
      if (day !== lastDay) $("lines").append(element("p", "day", day));
      lastDay = day;
      box = element("div", mine ? "line mine" : "line", "");
      box.dataset.at = clock.format(when);
      shown.set(id, box);
      $("lines").append(box);
    }
    const bubble = element("div", file || !text ? "bubble file" : "bubble", "");
    bubble.append(element("span", "hidden", `${mine ? words.me : words.them}: `), text || words.file);
    box.replaceChildren(bubble, element("small", "", note ? `${box.dataset.at} · ${note}` : box.dataset.at));
    $("lines").scrollTop = $("lines").scrollHeight;
  }

  function send(frame, text) {
    const file = frame.type === "give";
    unsent.set(frame.ref, { frame, text, file });
    show(frame.ref, { text, file, mine: true, note: words.sending });
    if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
  }

  function say(text) {
    send({ type: "say", ref: ref(), text }, text);
  }

  const hear = {
    line(m) {
      show(m.id, { text: m.text, mine: m.mine, at: m.at });
      if (!m.mine && m.waiting) socket.send(JSON.stringify({ type: "seen", id: m.id }));
    },
    ready(m) {
      if (m.institution) {
        $("title").textContent = document.title = m.institution;
        $("mark").textContent = m.institution.slice(0, 1);
      }
      state("on", words.connected);
      pause = 500;
      for (const { frame } of unsent.values()) socket.send(JSON.stringify(frame));
    },
    kept(m) {
      const waiting = unsent.get(m.ref);
      if (!waiting) return;
      unsent.delete(m.ref);
      show(m.ref, { ...waiting, mine: true, note: words.kept });
    },
    slow(m) { again(m.ref, 5000, words.slow); },
    again(m) { again(m.ref, 3000, words.again); },
  };

  function again(id, wait, note) {
    const waiting = unsent.get(id);
    if (!waiting) return;
    show(id, { ...waiting, mine: true, note });
    setTimeout(() => {
      if (unsent.has(id) && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(waiting.frame));
    }, wait);
  }

  function gone(kind) {
    ended = true;
    state("off", words[`${kind}-title`]);
    $("gone-title").textContent = words[`${kind}-title`];
    $("gone-text").textContent = words[`${kind}-text`];
    $("gone").hidden = false;
    $("lines").hidden = $("form").hidden = true;
    if ($("ask").open) $("ask").close();
  }

  function connect() {
    socket = new WebSocket(location.origin.replace(/^http/, "ws") + location.pathname.replace(/[^/]*$/, "") + "ws");
    socket.onopen = () => {
      // What the server tells comes again as a whole; our own unsent texts stay, after it.
      const waiting = [...unsent.keys()].map((id) => [id, shown.get(id)]);
      for (const old of $("lines").querySelectorAll(".line, .day")) old.remove();
      shown.clear();
      lastDay = "";
      for (const [id, box] of waiting) { shown.set(id, box); $("lines").append(box); }
      socket.send(JSON.stringify({ type: "hello", token }));
    };
    socket.onmessage = (event) => { const m = JSON.parse(event.data); if (hear[m.type]) hear[m.type](m); };
    socket.onclose = (event) => {
      if (event.code === 1008) return gone("gone");
      if (event.code === 1013) return gone("busy");
      state("wait", words.lost);
      timer = setTimeout(connect, pause);
      pause = Math.min(pause * 2, 15000);
    };
  }

  function fit() {
    const text = $("text");
    text.style.height = "auto";
    text.style.height = `${Math.min(text.scrollHeight + 2, 136)}px`;
    $("send").disabled = $("state").dataset.state !== "on" || !text.value.trim();
  }

  $("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = $("text").value.trim();
    if (!text || $("send").disabled) return;
    say(text);
    $("text").value = "";
    fit();
    $("text").focus();
  });
  $("text").addEventListener("input", fit);
  $("text").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); $("form").requestSubmit(); }
  });
  $("file").addEventListener("change", () => {
    const file = $("file").files[0];
    if (!file) return;
    if (file.size > MAX_FILE) { $("state-text").textContent = words.large; $("file").value = ""; return; }
    const reader = new FileReader();
    reader.onload = () => {
      send({ type: "give", ref: ref(), name: file.name.slice(0, 120), data: reader.result.split(",")[1] || "" }, file.name);
      $("file").value = "";
    };
    reader.readAsDataURL(file);
  });
  $("stop").addEventListener("click", () => $("ask").showModal());
  $("ask-no").addEventListener("click", () => $("ask").close());
  $("ask-yes").addEventListener("click", () => { $("ask").close(); say(words.optOut); });
  window.addEventListener("hashchange", () => location.reload());
  document.addEventListener("visibilitychange", () => {
    // A phone that slept: do not wait for the pause to run out.
    if (document.hidden || ended || !socket || socket.readyState !== WebSocket.CLOSED) return;
    clearTimeout(timer);
    connect();
  });
  if (token) connect(); else gone("cut");
})();
