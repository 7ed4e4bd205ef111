// Writes every vector anew: `node dist/test/vectors/generate/all.js`. Must leave the tree clean; a change here is a change
// of the format, and old vaults must still open.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { vectorsFolder, type Vector } from '../vector.js'
import { blobVectors, compressedVectors } from './blobs.js'
import { entryVectors } from './entries.js'
import { deviceVectors, headerVectors } from './headers.js'
import { nodeVectors } from './nodes.js'

const vectors: Readonly<Record<string, Vector>> = {
  ...blobVectors(), ...compressedVectors(), ...await headerVectors(), ...deviceVectors(), ...entryVectors(), ...nodeVectors(),
}
for (const [name, vector] of Object.entries(vectors)) writeFileSync(join(vectorsFolder(), `${name}.json`), `${JSON.stringify(vector, null, 2)}\n`)
