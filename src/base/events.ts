/** Large events on node:diagnostics_channel. A channel without subscribers costs one property read. */

import { type Channel, channel } from "node:diagnostics_channel";

/**
 * What happened: each is published on the channel "espalier:<kind>" of node:diagnostics_channel. It goes out when the
 * code that runs is done, in a microtask: what happens in the midst of an edit is told when no call of any store is
 * under way, so that a subscriber may use, change and close the store.
 */
export type EventKind = "pack" | "split" | "merge" | "checkpoint" | "recovery" | "slow-commit";

/** What a subscriber gets: the store, and figures of the event, sizes in bytes and times in ms; never keys or values. */
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

const waiting: { readonly kind: EventKind; readonly message: EventMessage }[] = [];

/** Ask before building a message. */
export function hasListeners(kind: EventKind): boolean {
  return channels[kind].hasSubscribers;
}

export function publish(kind: EventKind, message: EventMessage): void {
  // Not by queueMicrotask: tests put a false one in its place, and what that loses would stop all that follows.
  if (waiting.push({ kind, message }) === 1) void Promise.resolve().then(deliver);
}

function deliver(): void {
  for (const { kind, message } of waiting.splice(0)) channels[kind].publish(message);
}
