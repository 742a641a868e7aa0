// jsonnet -J grafana -S grafana/mixin/rules.jsonnet > scrubjay-rules.yml
std.manifestYamlDoc((import 'mixin.libsonnet').prometheusRules)
