/**
 * The state of the page lives in its address, behind the #, so that a link shows what its sender saw, from
 * a file as from a server. Self-contained: the page inlines the text of this function.
 */

import type { PageState, PageWindow } from "./types.js";

export function createState(window: PageWindow): PageState {
  const listeners: ((name: string) => void)[] = [];
  let params = new window.URLSearchParams(window.location.hash.slice(1));

  function write(): void {
    const text = params.toString();
    const { pathname, search } = window.location;
    window.history.replaceState(null, "", text === "" ? `${pathname}${search}` : `#${text}`);
  }

  function notify(name: string): void {
    for (const listener of listeners) listener(name);
  }

  window.addEventListener("hashchange", () => {
    params = new window.URLSearchParams(window.location.hash.slice(1));
    notify("*");
  });

  return {
    get: (name) => params.get(name),
    all: (name) => params.getAll(name),
    set(name, values) {
      params.delete(name);
      for (const value of values) params.append(name, value);
      write();
      notify(name);
    },
    onChange(listener) {
      listeners.push(listener);
    },
  };
}
