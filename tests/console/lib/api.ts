// Quay's REST interface, for what a test needs to be there before its story begins.
import { type APIRequestContext, request } from "@playwright/test";

import type { Person } from "./secrets.ts";
import { knownLogin } from "./secrets.ts";
import { settings } from "./settings.ts";

export class Session {
  readonly #context: APIRequestContext;
  #token = "";

  private constructor(context: APIRequestContext) {
    this.#context = context;
  }

  /** A session of somebody who has no account yet. */
  static async of(who: Person): Promise<Session> {
    const session = new Session(await request.newContext({ baseURL: settings.url }));
    const { username, password, email } = who;
    await session.#renewToken();
    await session.send("POST", "/api/v1/user/", { username, password, email });
    return session.#signIn(who);
  }

  /** A session of somebody who has one. */
  static async in(who: Person): Promise<Session> {
    const session = new Session(await request.newContext({ baseURL: settings.url }));
    return session.#signIn(who);
  }

  async #signIn({ username, password }: Person): Promise<Session> {
    await this.#renewToken();
    await this.send("POST", "/api/v1/signin", { username, password });
    await this.#renewToken();
    return this;
  }

  /** The token changes with whom the session belongs to. */
  async #renewToken(): Promise<void> {
    const answer = await this.#context.get("/csrf_token", { headers: { "X-Requested-With": "XMLHttpRequest" } });
    this.#token = ((await answer.json()) as { csrf_token: string }).csrf_token;
  }

  async send(method: string, path: string, data: object = {}): Promise<unknown> {
    const headers = { "X-CSRF-Token": this.#token, "X-Requested-With": "XMLHttpRequest" };
    const answer = await this.#context.fetch(path, method === "GET" ? { method, headers } : { method, headers, data });
    const text = await answer.text();
    if (!answer.ok()) throw new Error(`${method} ${path} → ${answer.status()} ${text}`);
    return text ? JSON.parse(text) : undefined;
  }

  async robot(organization: string, name: string): Promise<Person> {
    const path = `/api/v1/organization/${organization}/robots/${name}`;
    const made = (await this.send("PUT", path, { description: "made by a test" })) as { name: string; token: string };
    knownLogin(made.name, made.token);
    return { username: made.name, password: made.token, email: "" };
  }

  /** The session's cookies, for a browser to go on with. */
  async keep(file: string): Promise<void> {
    await this.#context.storageState({ path: file });
    await this.#context.dispose();
  }
}
