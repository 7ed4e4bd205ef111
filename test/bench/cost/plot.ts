// Small multiples: a panel for each operation, its cost over a number that grows by tens. Colours follow the reader's
// light or dark background.
export type CostUnit = 'µs' | 'MiB' | 'B'

export interface Panel {
  readonly title: string
  readonly unit: CostUnit
  /** x from 1 up. */
  readonly points: readonly { readonly x: number; readonly y: number }[]
  /** Grew faster than a logarithm would. */
  readonly grew: boolean
}

export interface Row {
  readonly title: string
  /** What x counts. */
  readonly unit: string
  readonly panels: readonly Panel[]
}

const [panelWidth, panelHeight, columns] = [210, 130, 6] as const
const margin = { left: 46, right: 12, top: 26, bottom: 24 } as const
const rowTitleHeight = 30

export function costText(cost: number, unit: CostUnit): string {
  return unit === 'µs' ? timeText(cost) : `${cost.toFixed(0)} ${unit}`
}

function timeText(microseconds: number): string {
  if (microseconds < 1000) return `${microseconds.toFixed(microseconds < 10 ? 1 : 0)} µs`
  return microseconds < 1e6 ? `${(microseconds / 1000).toFixed(microseconds < 1e4 ? 1 : 0)} ms` : `${(microseconds / 1e6).toFixed(1)} s`
}

export function countText(count: number): string {
  return count >= 1e6 ? `${String(count / 1e6)}M` : count >= 1000 ? `${String(count / 1000)}k` : String(count)
}

/** An SVG that needs nothing else. */
export function drawRows(rows: readonly Row[]): string {
  const parts: string[] = []
  let top = 8
  for (const { title, unit, panels } of rows) {
    parts.push(`<text class="title" x="12" y="${String(top + 20)}">${title}</text>`)
    top += rowTitleHeight
    panels.forEach((panel, index) => {
      const [left, above] = [(index % columns) * panelWidth, top + Math.floor(index / columns) * panelHeight]
      parts.push(`<g transform="translate(${String(left)} ${String(above)})">`, ...panelParts(panel, unit), '</g>')
    })
    top += Math.ceil(panels.length / columns) * panelHeight + 8
  }
  const [width, height] = [columns * panelWidth, top]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${String(width)} ${String(height)}" width="${String(width)}" height="${String(height)}">`,
    '<style>', 'svg{background:#fff;font:11px sans-serif;fill:#222}', '.title{font-size:15px;font-weight:bold}.axis{stroke:#999;fill:none}.line{stroke:#1769aa;fill:none;stroke-width:2}',
    '.dot{fill:#1769aa}.small{font-size:9px;fill:#666}.grew .line{stroke:#b3261e}.grew .dot{fill:#b3261e}',
    '@media (prefers-color-scheme:dark){svg{background:#16181b;fill:#e6e6e6}.axis{stroke:#666}.line{stroke:#6cb6ff}.dot{fill:#6cb6ff}.small{fill:#a0a0a0}.grew .line{stroke:#ff8a80}.grew .dot{fill:#ff8a80}}',
    '</style>', ...parts, '</svg>', '',
  ].join('\n')
}

function panelParts({ title, unit: counted, points, grew }: Panel, unit: string): readonly string[] {
  const [right, bottom] = [panelWidth - margin.right, panelHeight - margin.bottom]
  const [first, last] = [points[0]?.x ?? 1, points.at(-1)?.x ?? 10]
  const most = Math.max(...points.map(({ y }) => y), 1e-9)
  const x = (value: number): number => margin.left + ((Math.log10(value) - Math.log10(first)) / Math.max(1e-9, Math.log10(last) - Math.log10(first))) * (right - margin.left)
  const y = (value: number): number => bottom - (value / most) * (bottom - margin.top)
  const places = points.map((point) => [x(point.x).toFixed(1), y(point.y).toFixed(1)] as const)
  return [
    `<text x="${String(margin.left)}" y="14">${title}${grew ? ' ▲' : ''}</text>`,
    `<path class="axis" d="M${String(margin.left)} ${String(margin.top)}V${String(bottom)}H${String(right)}"/>`,
    `<text class="small" x="${String(margin.left - 4)}" y="${String(margin.top + 4)}" text-anchor="end">${costText(most, counted)}</text>`,
    `<text class="small" x="${String(margin.left - 4)}" y="${String(bottom)}" text-anchor="end">0</text>`,
    ...points.map((point) => `<text class="small" x="${x(point.x).toFixed(1)}" y="${String(bottom + 12)}" text-anchor="middle">${countText(point.x)}</text>`),
    `<text class="small" x="${String(right)}" y="${String(bottom + 22)}" text-anchor="end">${unit}</text>`,
    `<g${grew ? ' class="grew"' : ''}><polyline class="line" points="${places.map((place) => place.join(',')).join(' ')}"/>`,
    ...places.map(([cx, cy]) => `<circle class="dot" cx="${cx}" cy="${cy}" r="3"/>`), '</g>',
  ]
}
