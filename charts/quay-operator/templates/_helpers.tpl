{{/* One name for everything of a release; not doubled when the release is called like the chart. */}}
{{- define "quay-operator.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "quay-operator.selector" -}}
app.kubernetes.io/name: quay-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "quay-operator.labels" -}}
{{ include "quay-operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "quay-operator.tag" -}}
{{- .Values.image.tag | default .Chart.AppVersion -}}
{{- end -}}

{{- define "quay-operator.registryImage" -}}
{{- .Values.registryImage | default (printf "%s/quay-registry:%s" .Values.image.registry (include "quay-operator.tag" .)) -}}
{{- end -}}
