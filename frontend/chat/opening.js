/** The open conversation at its beginning, and the circumstances that its presentation depends on. */

import { OpenConversation } from "../conversations/open-conversation.js";
import { settingsKey } from "../conversations/refusals.js";

/** @typedef {import("../conversations/refusals.js").Circumstances} Circumstances */

/**
 * @param {string | null} id null for a new chat
 * @param {import("../chat-app.js").Parts} parts
 * @param {import("./unsent-messages.js").UnsentMessages} unsent
 * @param {() => void} changed
 * @param {boolean} [isTemporary] whether only this page has the new chat
 */
export function openConversation(id, { api, outbox, newId, newChatSettings }, unsent, changed, isTemporary = false) {
  const open = new OpenConversation(id ?? newId(), id === null, { api, outbox, changed, isTemporary });
  unsent.track(open);
  const created = outbox.of(open.id).findLast(({ create }) => create !== null)?.create;
  if (id === null) open.assume(newChatSettings?.settings ?? {});
  else if (created) open.assume(created);
  return open;
}

/**
 * @param {OpenConversation} open
 * @param {import("./chat-models.js").ChatModels} models
 * @param {Pick<Circumstances, "isConnected" | "isTunable" | "isExplorable" | "explored" | "count">} facts
 * @returns {Circumstances}
 */
export function circumstancesOf({ isGone, isTemporary, settings, length }, models, facts) {
  return {
    ...facts,
    model: models.default,
    namesModels: models.areSeveral,
    isAway: (model) => models.isAway(model),
    isGone,
    isTemporary,
    leavesOut: settings.truncation !== "disabled",
    systemLength: settings.system?.length ?? 0,
    settings: settingsKey(settings),
    history: length,
  };
}
