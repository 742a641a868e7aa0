// jsonnet -J grafana -m DIR grafana/mixin/dashboards.jsonnet
(import 'mixin.libsonnet').grafanaDashboards
