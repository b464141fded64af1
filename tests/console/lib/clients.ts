// The real clients, in a home of their own, trusting the registry's authority and no other. Their output is a log.
import { spawn } from "node:child_process";
import { appendFileSync, copyFileSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { host, settings } from "./settings.ts";
import type { Person } from "./secrets.ts";

export interface Outcome {
  code: number;
  text: string;
}

const LIMIT = 120_000;

/** A folder with the homes of all clients of one test. */
export class Clients {
  readonly home: string;
  readonly #log: string;

  constructor(name: string) {
    this.home = mkdtempSync(join(tmpdir(), "console-clients-"));
    mkdirSync(settings.logs, { recursive: true });
    this.#log = join(settings.logs, `console-${name}.log`);
    mkdirSync(join(this.home, "certs"));
    copyFileSync(settings.ca, join(this.home, "certs/ca.crt"));
    writeFileSync(join(this.home, "policy.json"), '{"default":[{"type":"insecureAcceptAnything"}]}');
  }

  /** Runs a program to its end, whatever it says. */
  async try(program: string, args: string[], input = "", env: Record<string, string> = {}): Promise<Outcome> {
    const child = spawn(program, args, {
      cwd: this.home,
      env: {
        PATH: process.env["PATH"] ?? "",
        HOME: this.home,
        DOCKER_CONFIG: join(this.home, "docker"),
        HELM_CONFIG_HOME: join(this.home, "helm"),
        HELM_CACHE_HOME: join(this.home, "helm-cache"),
        HELM_DATA_HOME: join(this.home, "helm-data"),
        COSIGN_PASSWORD: "",
        SSL_CERT_FILE: settings.ca,
        ...env,
      },
      timeout: LIMIT,
    });
    let text = "";
    child.stdout.on("data", (bytes) => (text += String(bytes)));
    child.stderr.on("data", (bytes) => (text += String(bytes)));
    child.stdin.end(input);
    const code = await new Promise<number>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => resolve(code ?? (signal ? 128 : 1)));
    });
    appendFileSync(this.#log, `$ ${program} ${args.join(" ")}\n${text}→ ${code}\n`);
    return { code, text };
  }

  /** Runs a program that has to succeed: what it said. */
  async run(program: string, args: string[], input = "", env: Record<string, string> = {}): Promise<string> {
    const { code, text } = await this.try(program, args, input, env);
    if (code !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${code}:\n${text}`);
    return text;
  }

  /** A line as a person pastes it into a shell, with helm, cosign and oras on the path. */
  async shell(line: string): Promise<Outcome> {
    const functions = [
      `helm() { ${settings.helm} "$@"; }`,
      `cosign() { ${settings.cosign} "$@"; }`,
      `oras() { ${settings.oras} "$@"; }`,
    ];
    return this.try("bash", ["-euc", `${functions.join("\n")}\n${line}`]);
  }

  /** Packages a chart with a README, as `name-version.tgz`: its path. */
  async chart(name: string, version: string, readme = `# ${name}\n\nHow to use it.\n`): Promise<string> {
    const folder = join(this.home, "charts", name);
    mkdirSync(join(folder, "templates"), { recursive: true });
    writeFileSync(
      join(folder, "Chart.yaml"),
      [
        "apiVersion: v2",
        `name: ${name}`,
        `version: ${version}`,
        'appVersion: "1.8.4"',
        "description: A chart of the tests",
        "home: https://example.com/chart",
        "keywords: [editor, notes]",
        "maintainers: [{ name: Ada, email: ada@example.com }]",
        "",
      ].join("\n"),
    );
    writeFileSync(join(folder, "README.md"), readme);
    writeFileSync(join(folder, "values.yaml"), "greeting: hello\n");
    writeFileSync(
      join(folder, "templates/configmap.yaml"),
      "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  greeting: {{ .Values.greeting }}\n",
    );
    await this.run(settings.helm, ["package", folder, "--destination", this.home]);
    return join(this.home, `${name}-${version}.tgz`);
  }

  async helmLogin(who: Person): Promise<void> {
    const args = ["registry", "login", host, "--username", who.username, "--password-stdin", "--ca-file", settings.ca];
    await this.run(settings.helm, args, who.password);
  }

  /** Pushes a chart archive: the digest that helm prints. */
  async helmPush(archive: string, namespace: string): Promise<string> {
    const args = ["push", archive, `oci://${host}/${namespace}`, "--ca-file", settings.ca];
    const text = await this.run(settings.helm, args);
    const digest = /^Digest:\s*(sha256:[0-9a-f]{64})$/m.exec(text)?.[1];
    if (!digest) throw new Error(`helm printed no digest:\n${text}`);
    return digest;
  }

  async helmPull(chart: string, version: string): Promise<Outcome> {
    const args = ["pull", `oci://${host}/${chart}`, "--version", version, "--ca-file", settings.ca];
    return this.try(settings.helm, [...args, "--destination", mkdtempSync(join(this.home, "pulled-"))]);
  }

  /** Makes a key pair in the home: its files. */
  async cosignKeys(): Promise<{ key: string; pub: string }> {
    await this.run(settings.cosign, ["generate-key-pair"]);
    return { key: join(this.home, "cosign.key"), pub: join(this.home, "cosign.pub") };
  }

  /** Logs in cosign and oras, which read docker's file. */
  dockerLogin(who: Person): void {
    const auth = Buffer.from(`${who.username}:${who.password}`).toString("base64");
    mkdirSync(join(this.home, "docker"), { recursive: true });
    const config = JSON.stringify({ auths: { [host]: { auth } } });
    writeFileSync(join(this.home, "docker/config.json"), config, { mode: 0o600 });
  }

  /** Signs without any transparency log, as one does inside a company. */
  async cosignSign(key: string, reference: string): Promise<void> {
    const args = ["sign", "--key", key, "--yes", "--use-signing-config=false", "--tlog-upload=false", reference];
    await this.run(settings.cosign, args);
  }

  /** Copies by skopeo with an authfile. */
  async skopeoCopy(from: string, to: string, authfile: string): Promise<Outcome> {
    const certs = join(this.home, "certs");
    const args = ["--policy", join(this.home, "policy.json"), "copy", "--authfile", authfile];
    return this.try("skopeo", [...args, "--src-cert-dir", certs, "--dest-cert-dir", certs, from, to]);
  }

  /** Pushes the image that pods can run. */
  async pushImage(reference: string, who: Person): Promise<void> {
    this.dockerLogin(who);
    const authfile = join(this.home, "docker/config.json");
    const to = `docker://${host}/${reference}`;
    const { code, text } = await this.skopeoCopy(`oci-archive:${settings.image}`, to, authfile);
    if (code !== 0) throw new Error(`the image was not pushed:\n${text}`);
  }
}
