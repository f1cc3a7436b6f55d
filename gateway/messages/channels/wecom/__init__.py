"""The WeCom conversation archive (会话内容存档): read only, every kind of message, conduct at once."""
