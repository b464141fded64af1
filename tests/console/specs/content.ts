// What the screens are looked at with: one of everything that a repository can hold, and people who see it.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { Session } from "../lib/api.ts";
import { Clients } from "../lib/clients.ts";
import { person, superuser } from "../lib/secrets.ts";
import { host, settings } from "../lib/settings.ts";
import { test } from "../lib/watched.ts";

const ORGANIZATION = "gallery";

test("everything that the screens show is there", async () => {
  const clients = new Clients("content");
  const owner = person("curator");
  const session = await Session.of(owner);
  await session.send("POST", "/api/v1/organization/", { name: ORGANIZATION, email: "gallery@example.com" });
  const robot = await session.robot(ORGANIZATION, "ci");
  await session.send("PUT", `/api/v1/organization/${ORGANIZATION}/team/builders`, { role: "creator", description: "who builds" });
  await session.send("PUT", `/api/v1/organization/${ORGANIZATION}/team/builders/members/${robot.username}`);

  // charts: two versions, one of them signed, a long name
  const readme = "# easel\n\nA [link](https://example.com), `code`, and\n\n| a | table |\n|---|---|\n| 1 | 2 |\n\n```sh\nhelm install easel\n```\n";
  await clients.helmLogin(owner);
  const digests: Record<string, string> = {};
  for (const version of ["0.1.0", "0.2.0"]) {
    digests[version] = await clients.helmPush(await clients.chart("easel", version, readme), ORGANIZATION);
  }
  clients.dockerLogin(owner);
  const keys = await clients.cosignKeys();
  await clients.cosignSign(keys.key, `${host}/${ORGANIZATION}/easel@${digests["0.2.0"]}`);
  const long = "a-chart-with-a-name-that-is-far-too-long-for-any-narrow-window-and-goes-on";
  await clients.helmPush(await clients.chart(long, "10.20.30-alpha.beta.gamma.1234567890"), ORGANIZATION);

  // an image, an index of it, an attached SBOM, an artifact of a type that nobody knows
  await clients.pushImage(`${ORGANIZATION}/app:1`, owner);
  // oras takes plain HTTP for granted on localhost
  const certs = ["--plain-http=false", "--ca-file", settings.ca];
  await clients.run(settings.oras, ["manifest", "index", "create", `${host}/${ORGANIZATION}/app:all`, "1", ...certs]);
  writeFileSync(join(clients.home, "sbom.json"), '{"spdxVersion":"SPDX-2.3"}');
  await clients.run(settings.oras, [
    ...["attach", `${host}/${ORGANIZATION}/app:1`, "--artifact-type", "application/spdx+json", "sbom.json"],
    ...certs,
  ]);
  await clients.run(settings.oras, [
    ...["push", `${host}/${ORGANIZATION}/app:odd`, "--artifact-type", "application/vnd.acme.rocket", "sbom.json"],
    ...certs,
  ]);
  // a history: one tag that was moved, one that was deleted
  await clients.run(settings.oras, ["tag", `${host}/${ORGANIZATION}/app:1`, "gone", "latest", ...certs]);
  await clients.run(settings.oras, ["tag", `${host}/${ORGANIZATION}/app:odd`, "latest", ...certs]);
  await session.send("DELETE", `/api/v1/repository/${ORGANIZATION}/app/tag/gone`);
  await session.send("POST", "/api/v1/repository", {
    ...{ namespace: ORGANIZATION, repository: "empty", visibility: "public" },
    description: "Nothing has been pushed **yet**",
  });
  await session.send("POST", "/api/v1/organization/", { name: "nothing-here", email: "nothing@example.com" });

  // whatever people choose, as long as it may be
  await session.send("PUT", `/api/v1/repository/${ORGANIZATION}/${long}`, { description: "word".repeat(100) });
  await session.send("PUT", `/api/v1/repository/${ORGANIZATION}/app/tag/1`, { expiration: Date.UTC(2099, 11, 30) / 1000 });
  await session.send("POST", "/api/v1/organization/", { name: "organization".repeat(20), email: "long@example.com" });
  await session.robot(ORGANIZATION, "robot".repeat(40));
  await session.send("PUT", `/api/v1/organization/${ORGANIZATION}/team/${"team".repeat(60)}`, { role: "member", description: "" });

  writeFileSync(join(settings.out, "gallery.json"), JSON.stringify({ chart: digests["0.2.0"], long }));
  await session.keep(join(settings.out, "curator.json"));
  await (await Session.of(person("newcomer"))).keep(join(settings.out, "newcomer.json"));
  await (await Session.in(superuser())).keep(join(settings.out, "superuser.json"));
});
