// Our dashboards, drawn with the widgets of Grafana (@grafana/ui), for a person to look at. Timelines
// and histories of states have no widget there; they are drawn here, in the colours of the panel.
import React, { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import {
  ThemeContext,
  createTheme,
  dateTime,
  getFieldDisplayValues,
  standardFieldConfigEditorRegistry,
} from '@grafana/data';
import { BarGauge, BigValue, GlobalStyles, PanelChrome, Table, TimeSeries } from '@grafana/ui';
import { ask, range, series, table, until } from './data.js';
import agent from './dashboards/agent.json';
import fleet from './dashboards/fleet.json';
import host from './dashboards/host.json';
import memory from './dashboards/memory.json';
import patches from './dashboards/patches.json';

const dashboard = { agent, fleet, host, memory, patches }[new URLSearchParams(location.search).get('dashboard')];
const WIDTH = 1680;
const UNIT = WIDTH / 24;
const ROW = 38;

standardFieldConfigEditorRegistry.setInit(() => []);
const theme = createTheme({ colors: { mode: 'dark' } });

function States({ frames, width, height }) {
  const shown = frames.slice(0, Math.floor(height / 22));
  const times = [...new Set(shown.flatMap((frame) => frame.fields[0].values))].sort((a, b) => a - b);
  const label = Math.min(320, width / 3);
  return shown.map((frame, index) => {
    const [time, value] = frame.fields;
    return (
      <div key={index} style={{ display: 'flex', height: 22, fontSize: 11, alignItems: 'center' }}>
        <div style={{ width: label, overflow: 'hidden', whiteSpace: 'nowrap', textOverflow: 'ellipsis' }}>
          {value.config.displayNameFromDS}
        </div>
        {times.map((at) => {
          const place = time.values.indexOf(at);
          const said = place < 0 ? null : value.display(value.values[place]);
          return (
            <div
              key={at}
              style={{ flex: 1, height: 18, margin: 1, textAlign: 'center', overflow: 'hidden', color: '#000', background: said?.color ?? 'transparent' }}
            >
              {said ? said.text + (said.suffix ?? '') : ''}
            </div>
          );
        })}
      </div>
    );
  });
}

function Body({ panel, answers, width, height }) {
  const empty = answers.every((answer) => answer.length === 0);
  if (empty) return <div style={{ padding: 16, opacity: 0.7 }}>{panel.fieldConfig.defaults.noValue}</div>;
  if (panel.type === 'table') {
    return <Table data={table(panel, answers, theme)[0]} width={width} height={height} />;
  }
  const frames = series(panel, answers, theme);
  if (panel.type === 'timeseries') {
    const from = Math.min(...frames.map((frame) => frame.fields[0].values[0]));
    const timeRange = { from: dateTime(from), to: dateTime(until * 1000), raw: { from: dateTime(from), to: dateTime(until * 1000) } };
    return (
      <TimeSeries
        frames={frames}
        width={width}
        height={height}
        timeRange={timeRange}
        timeZone="utc"
        structureRev={1}
        legend={panel.options.legend}
        options={panel.options}
        tweakScale={(scale) => scale}
        tweakAxis={(axis) => axis}
      />
    );
  }
  if (panel.type === 'state-timeline' || panel.type === 'status-history') {
    return <States frames={frames} width={width} height={height} />;
  }
  const values = getFieldDisplayValues({
    fieldConfig: panel.fieldConfig,
    reduceOptions: panel.options.reduceOptions,
    replaceVariables: (text) => text,
    theme,
    data: frames,
    timeZone: 'utc',
  });
  if (panel.type === 'stat') {
    return (
      <div style={{ display: 'flex' }}>
        {values.map((value, index) => (
          <BigValue
            key={index}
            theme={theme}
            width={width / values.length}
            height={height}
            value={values.length > 1 ? value.display : { ...value.display, title: undefined }}
            colorMode={panel.options.colorMode}
            graphMode="none"
            justifyMode="auto"
            textMode="auto"
          />
        ))}
      </div>
    );
  }
  return values.map((value, index) => (
    <BarGauge
      key={index}
      theme={theme}
      width={width}
      height={Math.min(40, height / values.length - 4)}
      value={value.display}
      field={value.field}
      orientation="horizontal"
      displayMode={panel.options.displayMode}
      showUnfilled
    />
  ));
}

function Panel({ panel }) {
  const [answers, set] = useState(null);
  const { x, y, w, h } = panel.gridPos;
  useEffect(() => {
    Promise.all((panel.targets ?? []).map((target) => ask(panel, target, dashboard))).then(set, (error) => set(String(error)));
  }, []);
  const place = { position: 'absolute', left: x * UNIT + 4, top: y * ROW + 40 };
  if (panel.type === 'row') return <h4 style={{ ...place, margin: 4 }}>{panel.title}</h4>;
  return (
    <div style={place}>
      <PanelChrome title={panel.title} description={panel.description} width={w * UNIT - 8} height={h * ROW - 8}>
        {(width, height) => {
          if (typeof answers === 'string') return <b style={{ color: 'red' }}>{answers}</b>;
          return answers && <Body panel={panel} answers={answers} width={width} height={height} />;
        }}
      </PanelChrome>
    </div>
  );
}

const bottom = Math.max(...dashboard.panels.map(({ gridPos: { y, h } }) => y + h));
createRoot(document.getElementById('root')).render(
  <ThemeContext.Provider value={theme}>
    <GlobalStyles />
    <div style={{ position: 'relative', width: WIDTH, height: bottom * ROW + 60, background: theme.colors.background.canvas }}>
      <h3 style={{ padding: 4 }}>
        {dashboard.title}, {range(dashboard) / 86400} days
      </h3>
      {dashboard.panels.map((panel) => (
        <Panel key={panel.id} panel={panel} />
      ))}
    </div>
  </ThemeContext.Provider>,
);
