"use strict";
// The customer's side of the web chat. The token stays behind '#': it goes into the first frame only.
(() => {
  const token = location.hash.slice(1);
  history.replaceState(null, "", location.pathname + location.hash);
  const $ = (id) => document.getElementById(id);
  const state = (text) => { $("state").textContent = text; };
  const unsent = new Map();
  const shown = new Map();
  let socket = null;
  let pause = 500;

  const ref = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

  function show(id, text, mine, note) {
    let box = shown.get(id);
    if (!box) {
      box = document.createElement("div");
      box.className = mine ? "line mine" : "line";
      shown.set(id, box);
      $("lines").append(box);
    }
    box.textContent = text;
    if (note) {
      const small = document.createElement("small");
      small.textContent = note;
      box.append(small);
    }
    $("lines").scrollTop = $("lines").scrollHeight;
  }

  function send(frame, text) {
    unsent.set(frame.ref, { frame, text });
    show(frame.ref, text, true, "发送中…");
    if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
  }

  const hear = {
    line(m) {
      show(m.id, m.text || "[文件]", m.mine);
      if (!m.mine && m.waiting) socket.send(JSON.stringify({ type: "seen", id: m.id }));
    },
    ready() {
      state("已连接");
      pause = 500;
      $("send").disabled = false;
      for (const { frame } of unsent.values()) socket.send(JSON.stringify(frame));
    },
    kept(m) {
      const waiting = unsent.get(m.ref);
      if (waiting) { show(m.ref, waiting.text, true, "已送达"); unsent.delete(m.ref); }
    },
    slow(m) { again(m.ref, 5000, "发送过于频繁，稍后自动重试"); },
    again(m) { again(m.ref, 3000, "未送达，正在重试"); },
  };

  function again(id, wait, note) {
    const waiting = unsent.get(id);
    if (!waiting) return;
    show(id, waiting.text, true, note);
    setTimeout(() => {
      if (unsent.has(id) && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(waiting.frame));
    }, wait);
  }

  function connect() {
    socket = new WebSocket(location.origin.replace(/^http/, "ws") + location.pathname.replace(/[^/]*$/, "") + "ws");
    socket.onopen = () => {
      // What the server tells comes again as a whole; our own unsent texts stay.
      for (const [id, box] of shown) if (!unsent.has(id)) { box.remove(); shown.delete(id); }
      socket.send(JSON.stringify({ type: "hello", token }));
    };
    socket.onmessage = (event) => { const m = JSON.parse(event.data); if (hear[m.type]) hear[m.type](m); };
    socket.onclose = (event) => {
      $("send").disabled = true;
      if (event.code === 1008) { state("链接无效或已过期，请联系机构重新获取。"); return; }
      state("连接中断，正在重新连接…");
      setTimeout(connect, pause);
      pause = Math.min(pause * 2, 15000);
    };
  }

  $("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = $("text").value.trim();
    if (!text) return;
    send({ type: "say", ref: ref(), text }, text);
    $("text").value = "";
    $("text").focus();
  });
  $("text").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); $("form").requestSubmit(); }
  });
  $("file").addEventListener("change", () => {
    const file = $("file").files[0];
    $("file").value = "";
    if (!file) return;
    if (file.size > 4 * 1024 * 1024) { state("文件不能超过 4 MB"); return; }
    const reader = new FileReader();
    reader.onload = () => send({ type: "give", ref: ref(), name: file.name.slice(0, 120), data: reader.result.split(",")[1] }, file.name);
    reader.readAsDataURL(file);
  });
  $("send").disabled = true;
  if (token) connect(); else state("链接不完整，请从收到的消息中打开。");
})();
