/** Keyboard shortcuts of the page, in the order of the help dialog. */

/**
 * @param {object} parts
 * @param {import("./chat-app.js").ChatApp} parts.chatApp
 * @param {Element} parts.composerInput
 * @param {import("./rendering/sidebar-view.js").SidebarView} parts.sidebar
 * @param {() => void} parts.newChat
 * @returns {import("./shortcuts.js").Binding[]}
 */
export function pageBindings({ chatApp, composerInput, sidebar, newChat }) {
  return [
    { label: "Send message", keys: "Enter" },
    { label: "New line", keys: "Shift+Enter" },
    { label: "Steer the answer", where: "while it is being written", keys: "Mod+Enter" },
    { label: "Edit last message", where: "in an empty composer", keys: "ArrowUp", act: (target) => target === composerInput && chatApp.editLast() },
    { label: "Stop, or close panel", keys: "Escape", act: () => chatApp.exploring.leave() || chatApp.stop() },
    { label: "New chat", keys: "Mod+Shift+O", act: newChat },
    { label: "Search chats", keys: "Mod+K", act: () => sidebar.search() },
    { label: "Show or hide sidebar", keys: "Mod+Shift+S", act: () => sidebar.toggle() },
    { label: "Previous version", where: "on a message", keys: "ArrowLeft", act: () => chatApp.turnBranch(-1) },
    { label: "Next version", where: "on a message", keys: "ArrowRight", act: () => chatApp.turnBranch(1) },
    { label: "Explore tokens", where: "on an answer", keys: "e", act: () => chatApp.exploring.pressed() },
    { label: "Rename chat", where: "in the chat list", keys: "F2" },
    { label: "Delete chat", where: "in the chat list", keys: "Delete" },
    { label: "Show shortcuts", where: "outside text fields", keys: "?" },
  ];
}
