{{/* Name of everything that is installed. It ends in -controller, as dashboards for Flux expect. */}}
{{- define "helmward.name" -}}
helmward-controller
{{- end -}}

{{- define "helmward.labels" -}}
app: {{ include "helmward.name" . }}
app.kubernetes.io/name: helmward
app.kubernetes.io/component: controller
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Whom roles are bound to. */}}
{{- define "helmward.subject" -}}
- kind: ServiceAccount
  name: {{ include "helmward.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}

{{- define "helmward.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (include "helmward.name" .) -}}
{{- end -}}
