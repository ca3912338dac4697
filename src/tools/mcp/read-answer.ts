import { bounded } from '../answer.ts'
import type { ToolResult } from '../tool.ts'
import type { RemoteAnswer } from './connection.ts'

/**
 * What a server answered, as a model reads it: texts as they are, structured content as JSON, and anything else only by its kind. It
 * is believed as little as any words of others.
 */
export function readAnswer(answer: RemoteAnswer): ToolResult {
  const texts = answer.content.map(block => (block.type === 'text' ? block.text : `(${kindOf(block.type)}: not shown)`))
  const { structuredContent } = answer
  const json = structuredContent === undefined ? undefined : JSON.stringify(structuredContent)
  // Most servers repeat structured content as text.
  const isRepeated = json === undefined || texts.some(text => sameJson(text, json))
  const result = [...texts, ...(isRepeated ? [] : [json])].join('\n')
  return bounded({
    outcome: answer.isError === true ? 'failed' : 'done',
    result: result === '' ? 'It answered nothing.' : result,
    integrity: 'tool_third_party'
  })
}

/** A failure of the call in words of ours, and in `theirs` what the server said of it. */
export function notDone(why: string, theirs = ''): ToolResult {
  const result = theirs === '' ? why : `${why} It says: ${theirs.slice(0, 500)}`
  return { outcome: 'failed', result, integrity: 'tool_third_party' }
}

function kindOf(type: string): string {
  const kinds: Readonly<Record<string, string>> = {
    image: 'a picture',
    audio: 'a sound',
    resource: 'a document',
    resource_link: 'a link to a document'
  }
  return kinds[type] ?? 'something else'
}

function sameJson(text: string, json: string): boolean {
  try {
    return JSON.stringify(JSON.parse(text)) === json
  } catch {
    return false
  }
}
