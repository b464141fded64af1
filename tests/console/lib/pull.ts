// Pulling with a Secret that was downloaded from the console: by the kubelet where there is a cluster, else by skopeo.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect } from "@playwright/test";

import type { Clients } from "./clients.ts";
import { settings } from "./settings.ts";

export async function pullWithSecret(clients: Clients, secret: string, image: string): Promise<void> {
  const yaml = readFileSync(secret, "utf8");
  if (!settings.cluster) {
    const encoded = /\.dockerconfigjson: ['"]?([A-Za-z0-9+/=]+)/.exec(yaml)?.[1] ?? "";
    const authfile = join(clients.home, "auth.json");
    writeFileSync(authfile, Buffer.from(encoded, "base64"), { mode: 0o600 });
    const { code, text } = await clients.skopeoCopy(`docker://${image}`, `dir:${join(clients.home, "pulled")}`, authfile);
    expect(code, text).toBe(0);
    return;
  }
  const { kubectl, kubeconfig, namespace } = settings.cluster;
  const kube = (args: string[], input = "") =>
    clients.run(kubectl, ["--kubeconfig", kubeconfig, "--namespace", namespace, ...args], input);
  await kube(["apply", "--filename", secret]);
  const name = /^\s+name: ['"]?([a-z0-9.-]+)/m.exec(yaml)?.[1];
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "pulls" },
    spec: {
      restartPolicy: "Never",
      terminationGracePeriodSeconds: 0,
      imagePullSecrets: [{ name }],
      containers: [{ name: "main", image, imagePullPolicy: "Always", command: ["/bin/sh", "-c", "echo pulled and run"] }],
    },
  };
  await kube(["apply", "--filename", "-"], JSON.stringify(pod));
  await kube(["wait", "pod/pulls", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=90s"]);
  expect((await kube(["logs", "pulls"])).trim()).toBe("pulled and run");
  // the node names an image that several registries have after any of them: only the event tells where it came from
  const pulled = ["--field-selector=involvedObject.name=pulls,reason=Pulled", "--output=jsonpath={.items[*].message}"];
  expect(await kube(["get", "events", ...pulled])).toContain(`Successfully pulled image "${image}"`);
}
