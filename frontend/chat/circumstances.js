/** Circumstances that the presentation of the open conversation depends on. */

import { settingsKey } from "../conversations/refusals.js";

/** @typedef {import("../conversations/refusals.js").Circumstances} Circumstances */

/**
 * @param {import("../conversations/open-conversation.js").OpenConversation} open
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
