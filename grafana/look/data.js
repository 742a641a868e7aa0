// From what Prometheus answers to the frames that Grafana's widgets are given: transformations and
// overrides as far as our dashboards use them.
import { FieldType, getDisplayProcessor, toDataFrame } from '@grafana/data';

const parameters = new URLSearchParams(location.search);
export const until = Number(parameters.get('until'));
export const host = parameters.get('host');
const days = Number(parameters.get('days'));

export function range(dashboard) {
  const [, number, unit] = dashboard.time.from.match(/^now-(\d+)([dh])$/);
  const asked = number * (unit === 'd' ? 86400 : 3600);
  // The history is no longer than it was made.
  return Math.min(asked, days * 86400);
}

function filled(expr, dashboard, step) {
  const one = dashboard.uid === 'scrubjay-host';
  return expr
    .replaceAll('$__rate_interval', `${Math.max(240, step * 4)}s`)
    .replaceAll('$__range', `${range(dashboard)}s`)
    .replaceAll('$job', '.+')
    .replaceAll('$instance', one ? host : '.+');
}

// A chart of minutes is asked for the stretch in which each minute was scraped.
function span(panel, dashboard) {
  const whole = range(dashboard);
  if (panel.interval === '1d') return [whole, 86400];
  return ['state-timeline'].includes(panel.type) ? [whole, 43200] : [2400, 60];
}

export async function ask(panel, target, dashboard) {
  const [length, step] = span(panel, dashboard);
  const query = encodeURIComponent(filled(target.expr, dashboard, step));
  const path = target.instant
    ? `/prom/api/v1/query?query=${query}&time=${until}`
    : `/prom/api/v1/query_range?query=${query}&start=${until - length}&end=${until}&step=${step}`;
  const answer = await (await fetch(path)).json();
  if (answer.status !== 'success') throw new Error(answer.error);
  return answer.data.result;
}

const named = (target, labels) =>
  target.legendFormat
    ? target.legendFormat.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => labels[label] ?? '')
    : Object.values(labels).join(' ') || 'Value';

function configured(panel, name) {
  const { defaults, overrides } = panel.fieldConfig;
  const config = { ...defaults, custom: { ...defaults.custom } };
  for (const { matcher, properties } of overrides) {
    if (matcher.options !== name) continue;
    for (const { id, value } of properties) {
      if (id.startsWith('custom.')) config.custom[id.slice(7)] = value;
      else config[id] = value;
    }
  }
  return config;
}

function finished(frames, theme) {
  for (const [index, frame] of frames.entries()) {
    for (const field of frame.fields) {
      field.state = { ...field.state, seriesIndex: index };
      field.display = getDisplayProcessor({ field, theme, timeZone: 'utc' });
    }
  }
  return frames;
}

export function series(panel, answers, theme) {
  const frames = panel.targets.flatMap((target, at) =>
    answers[at].map(({ metric, value, values }) => {
      const points = values ?? [value];
      const name = named(target, metric);
      return toDataFrame({
        fields: [
          { name: 'Time', type: FieldType.time, values: points.map(([at]) => at * 1000), config: { custom: {} } },
          {
            name: 'Value',
            labels: metric,
            type: FieldType.number,
            values: points.map(([, value]) => Number(value)),
            config: { ...configured(panel, name), displayNameFromDS: name },
          },
        ],
      });
    }),
  );
  return finished(frames, theme);
}

// Rows of several queries become one where their labels agree, as the transformation `merge` does.
export function table(panel, answers, theme) {
  const rows = new Map();
  panel.targets.forEach((target, at) => {
    for (const { metric, value } of answers[at]) {
      const key = JSON.stringify(Object.entries(metric).sort());
      const row = rows.get(key) ?? { ...metric };
      row[panel.targets.length > 1 ? `Value #${target.refId}` : 'Value'] = Number(value[1]);
      rows.set(key, row);
    }
  });
  const organize = panel.transformations.find(({ id }) => id === 'organize').options;
  const present = new Set([...rows.values()].flatMap((row) => Object.keys(row)));
  const columns = [...present]
    .filter((column) => !organize.excludeByName[column] && column in organize.indexByName)
    .sort((one, other) => organize.indexByName[one] - organize.indexByName[other]);
  let data = [...rows.values()];
  for (const { displayName, desc } of [...(panel.options.sortBy ?? [])].reverse()) {
    const column = columns.find((column) => organize.renameByName[column] === displayName);
    const rank = (row) => row[column] ?? -Infinity;
    data = data.sort((one, other) => (rank(one) < rank(other) ? -1 : 1) * (desc ? -1 : 1));
  }
  const fields = columns.map((column) => {
    const isNumber = column.startsWith('Value');
    const name = organize.renameByName[column];
    return {
      name,
      type: isNumber ? FieldType.number : FieldType.string,
      values: data.map((row) => row[column] ?? null),
      config: isNumber ? configured(panel, name) : { custom: configured(panel, name).custom },
    };
  });
  return finished([toDataFrame({ fields })], theme);
}
