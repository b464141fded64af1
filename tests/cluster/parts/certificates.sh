# The cluster's certificate authority, the certificates of its parts, and the kubeconfigs made of
# them. Made once per cluster; an interrupted run makes the missing ones.

CERTIFICATE_DAYS=3650

make_authority() {
  [[ -s $PKI/ca.crt ]] && return 0
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days "$CERTIFICATE_DAYS" \
    -subj "/CN=$CGROUP" -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
    -keyout "$PKI/ca.key" -out "$PKI/ca.crt.part" 2>>"$LOGS/pki.log"
  mv "$PKI/ca.crt.part" "$PKI/ca.crt"
}

# certificate NAME SUBJECT USAGE [SUBJECT-ALTERNATIVE-NAMES]
certificate() {
  local name=$1 subject=$2 usage=$3 names=${4:-}
  [[ -s $PKI/$name.crt ]] && return 0
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$subject" \
    -keyout "$PKI/$name.key" -out "$PKI/$name.csr" 2>>"$LOGS/pki.log"
  openssl x509 -req -in "$PKI/$name.csr" -CA "$PKI/ca.crt" -CAkey "$PKI/ca.key" -days "$CERTIFICATE_DAYS" \
    -set_serial "0x$(openssl rand -hex 16)" -out "$PKI/$name.crt.part" 2>>"$LOGS/pki.log" -extfile <(
      echo "basicConstraints = CA:FALSE"
      echo "keyUsage = critical, digitalSignature"
      echo "extendedKeyUsage = $usage"
      [[ -z $names ]] || echo "subjectAltName = $names"
    )
  rm "$PKI/$name.csr"
  mv "$PKI/$name.crt.part" "$PKI/$name.crt"
}

# kubeconfig FILE CERTIFICATE: everything in one file, so that it can be copied elsewhere.
kubeconfig() {
  local file=$1 name=$2
  [[ -s $file ]] && return 0
  (
    umask 077
    cat >"$file.part" <<YAML
apiVersion: v1
kind: Config
current-context: $CGROUP
clusters:
  - name: $CGROUP
    cluster:
      server: https://$NODE_ADDRESS:6443
      certificate-authority-data: $(base64 -w0 <"$PKI/ca.crt")
users:
  - name: $CGROUP
    user:
      client-certificate-data: $(base64 -w0 <"$PKI/$name.crt")
      client-key-data: $(base64 -w0 <"$PKI/$name.key")
contexts:
  - name: $CGROUP
    context: { cluster: $CGROUP, user: $CGROUP }
YAML
  )
  [[ $file != "$KUBECONFIG_FILE" || -z ${SUDO_UID:-} ]] || chown "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$file.part"
  mv "$file.part" "$file"
}

make_certificates() {
  (
    umask 077
    mkdir -p "$PKI"
    make_authority
    if [[ ! -s $PKI/service-accounts.pub ]]; then
      openssl ecparam -name prime256v1 -genkey -noout -out "$PKI/service-accounts.key"
      openssl ec -in "$PKI/service-accounts.key" -pubout -out "$PKI/service-accounts.pub" 2>>"$LOGS/pki.log"
    fi
    certificate apiserver "/CN=kube-apiserver" serverAuth \
      "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,DNS:localhost,IP:$SERVICE_ADDRESS,IP:$NODE_ADDRESS,IP:127.0.0.1"
    certificate kubelet "/O=system:nodes/CN=system:node:$NODE_NAME" serverAuth,clientAuth "DNS:$NODE_NAME,IP:$NODE_ADDRESS"
    certificate admin "/O=system:masters/CN=cluster-admin" clientAuth
    certificate apiserver-to-kubelet "/O=system:masters/CN=kube-apiserver-kubelet-client" clientAuth
    certificate controller-manager "/CN=system:kube-controller-manager" clientAuth
    certificate scheduler "/CN=system:kube-scheduler" clientAuth
    certificate proxy "/CN=system:kube-proxy" clientAuth
    certificate dns "/CN=test-bed:dns" clientAuth
    certificate storage "/CN=test-bed:storage" clientAuth
  )
  local user
  for user in kubelet controller-manager scheduler proxy dns storage; do
    kubeconfig "$PKI/$user.kubeconfig" "$user"
  done
  kubeconfig "$KUBECONFIG_FILE" admin
}
