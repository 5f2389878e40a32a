/**
 * Large events on node:diagnostics_channel, one channel a kind, named "espalier:<kind>". Messages
 * carry the store's id and figures, never keys or values. A channel without subscribers costs one
 * property read.
 */

import { type Channel, channel } from "node:diagnostics_channel";

export type EventKind = "pack" | "split" | "merge" | "checkpoint" | "recovery" | "slow-commit";

export interface EventMessage {
  /** The store id, 32 hexadecimal digits. */
  readonly store: string;
  readonly [figure: string]: string | number | boolean;
}

const channels: Record<EventKind, Channel> = {
  pack: channel("espalier:pack"),
  split: channel("espalier:split"),
  merge: channel("espalier:merge"),
  checkpoint: channel("espalier:checkpoint"),
  recovery: channel("espalier:recovery"),
  "slow-commit": channel("espalier:slow-commit"),
};

/** Ask before building a message. */
export function hasListeners(kind: EventKind): boolean {
  return channels[kind].hasSubscribers;
}

export function publish(kind: EventKind, message: EventMessage): void {
  channels[kind].publish(message);
}
