"use strict";
// What the page says. Chinese unless the browser asks for English first.
const TEXTS = {
  zh: {
    title: "在线沟通", connecting: "正在连接…", connected: "已连接", lost: "连接中断，正在重新连接…",
    "state-text": "正在连接…", stop: "停止联系", safety: "本会话会被记录。我们不会索要密码或短信验证码，也不会要求您向个人账户转账。",
    "gone-title": "链接已失效", "gone-text": "链接无效或已过期。请联系机构重新获取。",
    "cut-title": "链接不完整", "cut-text": "请从收到的消息中重新打开链接。",
    "busy-title": "已在别处打开", "busy-text": "此会话打开的窗口太多。请关闭其他窗口后重新打开链接。",
    "file-label": "发送文件", "text-label": "消息", log: "消息", placeholder: "请输入消息", send: "发送",
    "ask-title": "停止联系？", "ask-text": "我们会记下您的退订，不再主动向您发送消息。您随时可以重新与我们联系。",
    "ask-no": "取消", "ask-yes": "停止联系", optOut: "退订",
    sending: "发送中…", kept: "已送达", slow: "发送过于频繁，稍后自动重试", again: "未送达，正在重试",
    file: "文件", large: "文件不能超过 4 MB", today: "今天", yesterday: "昨天", me: "我", them: "对方",
  },
  en: {
    title: "Chat", connecting: "Connecting…", connected: "Connected", lost: "Connection lost, connecting again…",
    "state-text": "Connecting…", stop: "Stop contact", safety: "This chat is recorded. We never ask for passwords or text-message codes, nor for transfers to a private account.",
    "gone-title": "This link is no longer valid", "gone-text": "It is wrong or has expired. Please ask us for a new one.",
    "cut-title": "This link is incomplete", "cut-text": "Please open it again from the message that you received.",
    "busy-title": "Open elsewhere", "busy-text": "This chat is open in too many windows. Close the others and open the link again.",
    "file-label": "Send a file", "text-label": "Message", log: "Messages", placeholder: "Write a message", send: "Send",
    "ask-title": "Stop contact?", "ask-text": "We will note that you opt out and send you no more messages on our own. You can always write to us again.",
    "ask-no": "Cancel", "ask-yes": "Stop contact", optOut: "STOP",
    sending: "Sending…", kept: "Delivered", slow: "Too many at once, trying again soon", again: "Not delivered, trying again",
    file: "File", large: "A file may have 4 MB at most", today: "Today", yesterday: "Yesterday", me: "Me", them: "They",
  },
};
