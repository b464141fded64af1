// What `run` tells by its environment: which registry, which authority, which programs, which folders.

function needed(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; start these tests by tests/console/run`);
  return value;
}

export const settings = {
  /** `https://host:port`. */
  url: needed("CONSOLE_URL"),
  /** The file with the authority that the registry's certificate comes from. */
  ca: needed("CONSOLE_CA"),
  /** The superuser: name and password, a line each. */
  admin: needed("CONSOLE_ADMIN"),
  /** A home whose certificate store trusts that authority. */
  home: needed("CONSOLE_HOME"),
  /** Where screenshots, reports and traces go. */
  out: needed("CONSOLE_OUT"),
  /** Where the logs of the clients go, which are scanned for secrets. */
  logs: needed("CONSOLE_LOGS"),
  /** Where every secret is noted, for that scan. */
  secrets: needed("CONSOLE_SECRETS"),
  browser: process.env["CONSOLE_BROWSER"] ?? "/usr/bin/chromium",
  helm: needed("CONSOLE_HELM"),
  cosign: needed("CONSOLE_COSIGN"),
  /** Every cosign of this run, by its version. */
  cosigns: new Map(needed("CONSOLE_COSIGNS").split("\n").map((line) => line.split("=", 2) as [string, string])),
  oras: needed("CONSOLE_ORAS"),
  /** An OCI archive with a shell in it, which a pod can run. */
  image: needed("CONSOLE_IMAGE"),
  /** The cluster in which a pod pulls; without one, skopeo pulls with the same Secret. */
  cluster: process.env["CONSOLE_KUBECTL"]
    ? {
        kubectl: needed("CONSOLE_KUBECTL"),
        kubeconfig: needed("KUBECONFIG"),
        namespace: needed("CONSOLE_NAMESPACE"),
      }
    : undefined,
};

/** `host:port`, as clients write it. */
export const host = new URL(settings.url).host;
