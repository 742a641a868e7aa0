// jsonnet -J grafana -S grafana/mixin/alerts.jsonnet > scrubjay-alerts.yml
std.manifestYamlDoc((import 'mixin.libsonnet').prometheusAlerts)
