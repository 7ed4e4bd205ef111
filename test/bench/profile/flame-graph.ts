// A V8 CPU profile as a flame graph: one SVG that any browser shows, wide is much, callers below, the exact share as a
// tooltip. Pure: text in, text out.

export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
    readonly children?: readonly number[]
  }[]
  readonly samples: readonly number[]
  /** Microseconds between samples. */
  readonly timeDeltas: readonly number[]
}

interface Frame {
  readonly name: string
  microseconds: number
  readonly children: Map<string, Frame>
}

const width = 1200
const rowHeight = 17
const headHeight = 40
/** Narrower ones can't be seen or hit. */
const pixelsMin = 0.3
/** Nothing was computed then. */
const idleNames: ReadonlySet<string> = new Set(['(idle)'])

export interface Flame {
  readonly title: string
  readonly root: Frame
}

/** Idle time is left out: what is asked is where the work went. */
export function flameOf(profile: CpuProfile, title: string): Flame {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  const parents = new Map<number, number>()
  for (const { id, children = [] } of profile.nodes) for (const child of children) parents.set(child, id)
  const root: Frame = { name: 'all', microseconds: 0, children: new Map() }
  profile.samples.forEach((sample, index) => {
    const microseconds = Math.max(0, profile.timeDeltas[index] ?? 0)
    const path: string[] = []
    for (let id: number | undefined = sample; id !== undefined; id = parents.get(id)) {
      const node = nodes.get(id)
      if (node !== undefined && node.callFrame.functionName !== '(root)') path.push(nameOf(node.callFrame))
    }
    if (idleNames.has(path[0] ?? '(idle)')) return
    root.microseconds += microseconds
    let frame = root
    for (const name of path.reverse()) {
      const child = frame.children.get(name) ?? { name, microseconds: 0, children: new Map<string, Frame>() }
      frame.children.set(name, child)
      child.microseconds += microseconds
      frame = child
    }
  })
  return { title, root }
}

/** Several below each other, each as wide as the picture. */
export function drawFlames(flames: readonly Flame[]): string {
  let top = 0
  const parts = flames.map((flame) => {
    const depth = depthOf(flame.root)
    const part = drawFlame(flame, top, depth)
    top += headHeight + depth * rowHeight + rowHeight
    return part
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${String(width)}" height="${String(top)}" font-family="monospace" font-size="11">\n<rect width="100%" height="100%" fill="#fff"/>\n${parts.join('\n')}\n</svg>\n`
}

function drawFlame({ title, root }: Flame, top: number, depth: number): string {
  const rows: string[] = [`<text x="4" y="${String(top + 24)}" font-size="14">${escaped(title)}: ${(root.microseconds / 1000).toFixed(0)} ms of work</text>`]
  const bottom = top + headHeight + (depth - 1) * rowHeight
  const draw = (frame: Frame, x: number, level: number): void => {
    const pixels = (frame.microseconds / Math.max(1, root.microseconds)) * width
    if (pixels < pixelsMin) return
    const y = bottom - level * rowHeight
    const share = ((100 * frame.microseconds) / Math.max(1, root.microseconds)).toFixed(1)
    const letters = Math.floor(pixels / 6.6) - 1
    const label = letters < 3 ? '' : `<text x="${(x + 2).toFixed(1)}" y="${String(y + 12)}">${escaped(frame.name.slice(0, letters))}</text>`
    rows.push(`<g><title>${escaped(frame.name)}: ${share} %, ${(frame.microseconds / 1000).toFixed(1)} ms</title><rect x="${x.toFixed(1)}" y="${String(y)}" width="${Math.max(pixels - 0.3, 0.3).toFixed(1)}" height="${String(rowHeight - 1)}" fill="${colourOf(frame.name)}"/>${label}</g>`)
    let at = x
    for (const child of [...frame.children.values()].toSorted((one, other) => one.name.localeCompare(other.name))) {
      draw(child, at, level + 1)
      at += (child.microseconds / Math.max(1, root.microseconds)) * width
    }
  }
  draw(root, 0, 0)
  return rows.join('\n')
}

function depthOf(frame: Frame): number {
  let deepest = 0
  for (const child of frame.children.values()) deepest = Math.max(deepest, depthOf(child))
  return deepest + 1
}

function nameOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  const file = url.replace(/^.*\/dist\//, '').replace(/^file:\/\/.*\/node_modules\//, '')
  const name = functionName === '' ? '(anonymous)' : functionName
  return file === '' ? name : `${name} ${file}:${String(lineNumber + 1)}`
}

/** One colour a file, so that neighbours of one file look alike: warm ones for ours, cold ones for Node's. */
function colourOf(name: string): string {
  const file = name.split(' ')[1]?.split(':')[0] ?? name
  let hash = 0
  for (const letter of file) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) % 997
  const isOurs = /^(lib|mount|bin|native-deps)\//.test(file)
  return `hsl(${String(isOurs ? hash % 55 : 190 + (hash % 60))}, ${isOurs ? '85' : '40'}%, ${String(62 + (hash % 13))}%)`
}

function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')
}
