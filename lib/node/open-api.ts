// The node described as OpenAPI 3.1, made from the table by which it answers.
import { routes, type Route } from '../wire/routes.js'

const errors: Readonly<Record<string, string>> = {
  400: 'Not what the protocol says', 401: 'Unknown or used invitation', 403: 'Not for this key', 404: 'Not here', 409: 'It does not follow what is here',
  413: 'Too large', 416: 'No such range', 422: 'Bytes that do not verify', 429: 'Too much; Retry-After says when to come back', 503: 'Not now', 507: 'No room',
}
/** Those that have one of their own. */
const successes: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  putBlob: { 200: 'It was here', 201: 'Stored' },
  getBlob: { 200: 'The blob', 206: 'A range of it' },
}

export function openApi(version: string): string {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const [name, route] of Object.entries(routes) as [string, Route][]) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operationOf(name, route) }
  }
  return JSON.stringify({
    openapi: '3.1.0',
    info: { title: 'VaultFS node', version, description: 'Keeps sealed blobs and signed chains for vaults, and can read nothing. Both sides show a certificate and are known by its key; lib/wire/PROTOCOL.md says what the bodies are.' },
    paths,
    components: {
      schemas: { Problem: { type: 'object', required: ['code', 'message'], properties: Object.fromEntries(['code', 'message', 'next', 'subject'].map((key) => [key, { type: 'string' }])) } },
      securitySchemes: { key: { type: 'mutualTLS' } },
    },
    security: [{ key: [] }],
  })
}

function operationOf(name: string, route: Route): object {
  const { summary, who, request, bytesMax, response, query = {} } = route
  const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, key]) => ({ name: key, in: 'path', required: true, schema: { type: 'string', pattern: '^[0-9a-f]+$' } }))
  const inQuery = Object.entries(query).map(([key, description]) => ({ name: key, in: 'query', required: false, description, schema: { type: 'string' } }))
  const success = successes[name] ?? (response === 'none' ? { 204: 'Done' } : { 200: 'The answer' })
  const body = response === 'none' ? {} : { content: { [response]: { schema: schemaOf(response) } } }
  const problem = { content: { 'application/json': { schema: { $ref: '#/components/schemas/Problem' } } } }
  return {
    operationId: name, summary, 'x-principals': who, parameters: [...inPath, ...inQuery],
    ...(request === 'none' ? {} : { requestBody: { required: true, description: `At most ${bytesMax} bytes`, content: { [request]: { schema: schemaOf(request) } } } }),
    responses: {
      ...Object.fromEntries(Object.entries(success).map(([status, description]) => [status, { description, ...body }])),
      ...Object.fromEntries(Object.entries(errors).map(([status, description]) => [status, { description, ...problem }])),
    },
  }
}

function schemaOf(media: string): object {
  return media === 'application/json' ? { type: 'object' } : { type: 'string', format: 'binary' }
}
