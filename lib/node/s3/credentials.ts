// The keys of an object store, from a file that only its owner can read: never from the command line or the environment,
// where other processes see them.
import { open } from 'node:fs/promises'
import { fromErrno, VaultError } from '../../terms/errors.js'

export interface S3Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Of keys that are lent for a time. */
  readonly sessionToken: string | undefined
}

/** Of a file with three lines; more is another file. */
const fileBytesMax = 16 * 1024

/** Throws 'not-permitted' when others may read the file, 'usage' when it does not hold keys. What it holds is never quoted. */
export async function readS3Credentials(path: string): Promise<S3Credentials> {
  const file = await open(path, 'r').catch((error: unknown) => { throw fromErrno(error, path) })
  try {
    const { mode, size } = await file.stat()
    if ((mode & 0o077) !== 0) throw new VaultError('not-permitted', `${path}: others on this machine may read it`, { subject: path, next: `chmod 600 ${path}` })
    if (size > fileBytesMax) throw notKeys(path)
    return parseS3Credentials(await file.readFile('utf8'), path)
  } finally {
    await file.close()
  }
}

/** Two lines, key id and secret; or the form of `~/.aws/credentials`, of which the section `default`, else the first, counts. */
export function parseS3Credentials(text: string, path: string): S3Credentials {
  const lines = text.split('\n').map((line) => line.trim()).filter((line) => line !== '' && !/^[#;]/.test(line))
  if (!lines.some((line) => line.startsWith('[') || /^aws_\w+\s*=/.test(line))) {
    const [accessKeyId, secretAccessKey, ...more] = lines
    if (accessKeyId === undefined || secretAccessKey === undefined || more.length > 0) throw notKeys(path)
    return { accessKeyId, secretAccessKey, sessionToken: undefined }
  }
  const sections = new Map<string, Map<string, string>>()
  let section = ''
  for (const line of lines) {
    const heading = /^\[(.*)\]$/.exec(line)
    if (heading !== null) section = (heading[1] ?? '').trim()
    const values = sections.get(section) ?? new Map<string, string>()
    sections.set(section, values)
    const at = line.indexOf('=')
    if (heading === null && at > 0) values.set(line.slice(0, at).trim(), line.slice(at + 1).trim())
  }
  const values = sections.get('default') ?? sections.values().next().value
  const [accessKeyId, secretAccessKey] = [values?.get('aws_access_key_id'), values?.get('aws_secret_access_key')]
  if (accessKeyId === undefined || secretAccessKey === undefined || accessKeyId === '' || secretAccessKey === '') throw notKeys(path)
  return { accessKeyId, secretAccessKey, sessionToken: values?.get('aws_session_token') }
}

function notKeys(path: string): VaultError {
  return new VaultError('usage', `${path}: no keys of an object store`, { subject: path, next: 'write two lines into it, the access key and the secret key, or aws_access_key_id=… and aws_secret_access_key=…' })
}
