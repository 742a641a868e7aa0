// The rules and dashboards of scrubjay as a mixin, for those who build their monitoring from jsonnet.
//
// The same files as in grafana/prometheus and grafana/dashboards, so that nobody has two truths. Give the
// folder that holds both to jsonnet with -J: `grafana` of the repository, or, installed,
// /usr/share/scrubjay and /usr/share/scrubjay/grafana.
local config = import 'config.libsonnet';

config {
  local cfg = self._config,

  // What is a choice of the site, put into the text of the rules.
  local adapted(text) = std.strReplace(
    std.strReplace(text, config._config.selector, cfg.selector),
    std.strReplace(config._config.runbookURLPattern, '%s.md', ''),
    std.strReplace(cfg.runbookURLPattern, '%s.md', ''),
  ),

  prometheusAlerts+:: std.parseYaml(adapted(importstr 'prometheus/rules/scrubjay-alerts.yml')),
  prometheusRules+:: std.parseYaml(adapted(importstr 'prometheus/rules/scrubjay-rules.yml')),

  grafanaDashboards+:: {
    'scrubjay-fleet.json': import 'dashboards/fleet.json',
    'scrubjay-host.json': import 'dashboards/host.json',
    'scrubjay-memory.json': import 'dashboards/memory.json',
    'scrubjay-patches.json': import 'dashboards/patches.json',
    'scrubjay-agent.json': import 'dashboards/agent.json',
  },
}
