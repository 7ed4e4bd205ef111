// What people and other programs write: moments, passphrases, recovery kits, settings, registrations, access lists.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Registry, storeKey, type Registration } from '../../../bin/registry.js'
import { readUnlock } from '../../../bin/secrets.js'
import { choices, readSettings, type Settings } from '../../../bin/settings.js'
import type { Terminal } from '../../../bin/terminal.js'
import { normalisePassphrase } from '../../../lib/crypto/passphrase.js'
import { kitEntropy, kitText, kitWords } from '../../../lib/crypto/recovery-kit.js'
import type { VaultId } from '../../../lib/terms/bytes.js'
import { exactName, parseMoment, requireMoment, snapshotNameFault, type Moment } from '../../../lib/terms/moment-name.js'
import { retentionCountMax } from '../../../lib/terms/retention.js'
import { accessAclName, decodeAcl, encodeAcl, type Acl } from '../../../lib/tree/posix/acl.js'
import type { Random } from '../../model/random.js'
import { oddJson } from '../json-mutator.js'
import { orRefused, require, same, type Target } from '../target.js'
import { textOf } from './samples.js'

const nowSec = 1_700_000_000
const text = (input: Uint8Array): string => Buffer.from(input).toString('utf8')
const pad = (value: number, width = 2): string => String(value).padStart(width, '0')

function momentText(random: Random): string {
  const day = `${pad(random.below(3000), 4)}-${pad(1 + random.below(12))}-${pad(1 + random.below(28))}`
  const time = [random.below(24), random.below(60), random.below(60)].map((each) => pad(each))
  return random.pick([
    `${day}T${time.join('-')}Z`, `@GMT-${day.replaceAll('-', '.')}-${time.join('.')}`, day, day.slice(0, 7), `${day}T${time.slice(0, 2).join(':')}`,
    `${day} ${time.join(':')}+02:00`, time.slice(0, 2).join(':'), `${random.below(1_000_000)}${random.pick(['s', 'm', 'h', 'd', 'w', 'mo', ' hours ago'])}`, `${random.below(1000)}${random.pick(['y', ' years ago'])}`,
    `@${random.below(2 ** 38)}`, 'latest', 'today', 'yesterday',
  ])
}

const moment: Target<Moment> = {
  name: 'moment-name', says: 'a name in .versions, and a moment at the prompt', canonical: false, refusals: ['corrupt', 'usage'], pace: 2,
  make: (random) => Buffer.from(momentText(random)),
  decode: (input) => {
    const name = text(input)
    const found = parseMoment(name, nowSec)
    requireMoment(name, nowSec)
    const fault = snapshotNameFault(name)
    require(found === undefined || fault !== undefined, 'a moment that a snapshot may be called')
    return orRefused(found)
  },
  judge: ({ kind, throughSec }, input) => {
    require(Number.isFinite(throughSec), `second ${throughSec}`)
    const name = text(input)
    if (kind !== 'exact' || name.startsWith('@')) {
      const [, sec] = /^@(\d+)$/.exec(name) ?? []
      if (sec !== undefined) require(throughSec === Number(sec), 'another second than it says')
      if (kind === 'day') require(new Date(throughSec * 1000).getDate() === Number(name.slice(8)), 'another day than it says')
      if (name.endsWith('s') && /^\d+s$/.test(name)) require(throughSec === nowSec - parseInt(name, 10), 'another stretch than it says')
      return
    }
    require(exactName(throughSec) === name.replace(/T(\d\d):(\d\d):/, 'T$1-$2-'), 'another second than it says')
  },
}

const passphrase: Target<Uint8Array> = {
  name: 'passphrase', says: 'a passphrase as typed or read from a file, FORMAT §5.3', canonical: false, refusals: ['invalid'],
  make: (random) => Buffer.from(`${textOf(random, 60)}x${random.pick(['', '\n', '\r\n'])}`),
  decode: normalisePassphrase,
  judge: (normal, input) => {
    require(normal.byteLength > 0, 'an empty passphrase')
    require(text(normal) === text(input).replace(/\r?\n$/, '').normalize('NFC'), 'another passphrase than was typed')
    require(same(Buffer.from(text(normal)), normal), 'a passphrase that is not UTF-8')
  },
}

const folder = mkdtempSync(join(tmpdir(), 'vaultfs-fuzz-'))
const kitFile = join(folder, 'kit')
process.on('exit', () => { rmSync(folder, { recursive: true, force: true }) })

const kit: Target<{ readonly words: string; readonly entropy: Uint8Array }> = {
  name: 'recovery-kit', says: 'the recovery kit as it was printed or written down, FORMAT §5.4', canonical: false, pace: 0.5,
  refusals: ['invalid', 'usage', 'too-large'],
  make: (random) => {
    const entropy = random.bytes(32)
    const words = kitWords(entropy)
    if (random.chance(0.5)) return Buffer.from(kitText({ entropy, vaultId: random.bytes(32) as Uint8Array as VaultId, created: '2024-05-01', name: textOf(random, 20), nodes: random.chance(0.5) ? [] : ['attic.example:8440#' + 'A'.repeat(43), '[fe80::1]:80#' + '7'.repeat(43)] }))
    return Buffer.from(random.chance(0.5) ? words.join(' ') : words.map((word, at) => `${at + 1} ${word.toUpperCase()}`).join(random.pick(['\n', ' ', '\r\n'])))
  },
  decode: async (input) => {
    writeFileSync(kitFile, input)
    const unlock = await readUnlock({ recoveryFile: kitFile }, {} as Terminal, '')
    const words = unlock.kind === 'recovery' ? unlock.words : ''
    return { words, entropy: kitEntropy(words) }
  },
  judge: ({ entropy }, input) => {
    const typed = text(input).normalize('NFKD').toLowerCase()
    const words = kitWords(entropy)
    require(words.every((word) => typed.includes(word)), 'words that nobody wrote')
    require(same(kitEntropy(words.join(' ')), entropy), 'words that are not those of the entropy')
  },
}

const configHome = join(folder, 'config')
const settingsFile = join(configHome, 'vaultfs', 'settings.json')
mkdirSync(join(configHome, 'vaultfs'), { recursive: true })

const settings: Target<Settings> = {
  name: 'settings', says: 'settings.json, bin/CLI.md', canonical: false, refusals: ['usage'], vary: oddJson,
  make: (random) => {
    const own = { hourly: random.below(100), guard: random.pick(choices.guard) }
    return Buffer.from(JSON.stringify({
      driver: random.pick(choices.driver), logLevel: random.pick(choices.logLevel), spinMicroseconds: random.below(1001), memoryMib: 256, mapUid: '1000:1001,5:6:3',
      forceOwner: random.pick(['', 'me']), keepWithin: random.pick(['7d', '36h', '0']), daily: random.below(100), vaults: { notes: own },
    }))
  },
  decode: (input) => {
    writeFileSync(settingsFile, input)
    return readSettings({}, { HOME: folder, XDG_CONFIG_HOME: configHome }, 'notes')
  },
  judge: (found, input) => {
    const { driver, logLevel, guard, spinMicroseconds, memoryMib, keepWithin, hourly, daily, weekly, monthly, mapUid, mapGid, forceOwner } = found
    require((choices.driver as readonly string[]).includes(driver) && (choices.logLevel as readonly string[]).includes(logLevel) && (choices.guard as readonly string[]).includes(guard), 'a choice that there is not')
    require(Number.isInteger(spinMicroseconds) && spinMicroseconds >= 0 && spinMicroseconds <= 1000 && Number.isInteger(memoryMib), 'a number out of bounds')
    for (const count of [hourly, daily, weekly, monthly]) require(Number.isInteger(count) && count >= 0 && count <= retentionCountMax, 'a schedule out of bounds')
    require(Number.isInteger(keepWithin) && keepWithin >= 0, 'a stretch of time that is none')
    for (const each of [mapUid, mapGid, forceOwner]) require(typeof each === 'string', 'an owner that is no text')
    const parsed: unknown = JSON.parse(text(input))
    require(typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed), 'a file that holds no settings is taken')
    const said = parsed as Record<string, unknown>
    if (said['driver'] !== undefined) require(driver === said['driver'], 'another driver than the file says')
    if (said['spinMicroseconds'] !== undefined) require(spinMicroseconds === Number(said['spinMicroseconds']), 'another number than the file says')
    const vaults = said['vaults']
    require(vaults === undefined || (typeof vaults === 'object' && vaults !== null && !Array.isArray(vaults)), 'vaults that are none are taken')
    if (typeof vaults === 'object' && vaults !== null) for (const own of Object.values(vaults)) require(typeof own === 'object' && own !== null && !Array.isArray(own), 'settings of a vault that are none are taken')
  },
}

const stateHome = join(folder, 'state')
const store = '/srv/vault'
mkdirSync(join(stateHome, 'vaultfs', 'vaults'), { recursive: true })

const registration: Target<Registration> = {
  name: 'registration', says: 'what is remembered of a vault between commands', canonical: false, refusals: ['corrupt'], vary: oddJson,
  make: (random) => Buffer.from(`${JSON.stringify({ name: textOf(random, 30), store, mountPoint: `/mnt/${textOf(random, 20)}`, socket: '/run/s', pid: random.below(2 ** 22), mountPointMode: random.pick([null, 0o755]) }, null, 2)}\n`),
  decode: (input) => {
    writeFileSync(join(stateHome, 'vaultfs', 'vaults', `${storeKey(store)}.json`), input)
    const registry = new Registry(stateHome)
    registry.ofMountPoint('/mnt/x')
    return orRefused(registry.ofStore(store))
  },
  judge: (found, input) => {
    const parsed = JSON.parse(text(input)) as Record<string, unknown>
    for (const [key, value] of Object.entries(found)) require(value === parsed[key], `another ${key} than the file says`)
    require(typeof found.name === 'string' && typeof found.store === 'string', 'a registration of nothing')
    if (found.pid !== undefined) require(Number.isInteger(found.pid) && found.pid > 0, `process ${found.pid}`)
  },
}

const acl: Target<Acl> = {
  name: 'access-list', says: `the value of ${accessAclName}, acl(5)`, canonical: false, refusals: ['corrupt'], pace: 2,
  make: (random) => {
    const named = [0x02, 0x08].flatMap((tag) => Array.from({ length: random.below(4) }, (_, index) => ({ tag, perm: random.below(8), id: index * 10 + random.below(10) })))
    const plain = [0x01, 0x04, 0x20].map((tag) => ({ tag, perm: random.below(8), id: 0xffffffff }))
    const mask = named.length > 0 ? [{ tag: 0x10, perm: 7, id: 0xffffffff }] : []
    return encodeAcl([...named, ...plain, ...mask].sort((a, b) => a.tag - b.tag || a.id - b.id))
  },
  decode: (input) => orRefused(decodeAcl(input)),
  judge: (list, input) => {
    const again = decodeAcl(encodeAcl(list))
    require(again?.length === list.length && list.length * 8 + 4 === input.byteLength, 'a list of another length')
    list.forEach(({ tag, perm, id }, index) => {
      const at = 4 + index * 8
      const bytes = Buffer.from(input)
      require(tag === bytes.readUInt16LE(at) && perm === bytes.readUInt16LE(at + 2) && perm <= 7, 'another entry than it says')
      if (tag === 0x02 || tag === 0x08) require(id === bytes.readUInt32LE(at + 4), 'another user or group than it says')
    })
  },
  fields: (valid) => Array.from({ length: (valid.byteLength - 4) / 8 }, (_, index) => [
    { at: 4 + index * 8, length: 2, kind: 'little' as const }, { at: 6 + index * 8, length: 2, kind: 'little' as const }, { at: 8 + index * 8, length: 4, kind: 'little' as const },
  ]).flat(),
}

export const textTargets: readonly Target[] = [moment, passphrase, kit, settings, registration, acl]
