// Passwords and tokens: made here, or read from the console; each is noted, so that no log may show it.
import { randomUUID } from "node:crypto";
import { appendFileSync, readFileSync } from "node:fs";

import { settings } from "./settings.ts";

/** Notes a secret for the scan of the logs. */
export function known(secret: string): string {
  appendFileSync(settings.secrets, `${secret}\n`, { mode: 0o600 });
  return secret;
}

/** Notes a password, also in the form in which HTTP and pull Secrets carry it. */
export function knownLogin(username: string, password: string): void {
  known(password);
  known(Buffer.from(`${username}:${password}`).toString("base64"));
}

export interface Person {
  username: string;
  email: string;
  password: string;
}

/** Somebody with a password that nobody has seen. */
export function person(username: string): Person {
  const password = `pw-${randomUUID().replaceAll("-", "")}`;
  knownLogin(username, password);
  return { username, email: `${username}@example.com`, password };
}

/** The superuser that the registry came with. */
export function superuser(): Person {
  const [username = "", password = ""] = readFileSync(settings.admin, "utf8").split("\n");
  knownLogin(username, password);
  return { username, email: "", password };
}
