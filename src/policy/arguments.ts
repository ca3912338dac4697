const deepest = 32
const poisoned = new Set(['__proto__', 'constructor', 'prototype'])

/** A value as the input of a tool, or why it is none, in words that repeat nothing of it. */
export type ReadValue = (
  value: Readonly<Record<string, unknown>>
) => { readonly value: Readonly<Record<string, unknown>> } | { readonly problem: string }

/**
 * Reads the arguments of a call as the model wrote them, once and strictly: what comes out is what is recorded, shown
 * and run. A problem is told in words that the model can act on and that repeat none of the values.
 */
export function readArguments(raw: string, read: ReadValue): ReturnType<ReadValue> {
  const value = parsed(raw)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { problem: 'send one JSON object' }
  const flaw = flawIn(value)
  if (flaw !== null) return { problem: flaw }
  return read(value as Record<string, unknown>)
}

function parsed(raw: string): unknown {
  // Some models send nothing at all to a tool that needs no arguments.
  if (raw.trim() === '') return {}
  try {
    return JSON.parse(raw)
  } catch {
    return undefined
  }
}

/**
 * What no schema looks for: numbers that JSON cannot carry exactly, text with two spellings or none, names that reach
 * prototypes.
 */
function flawIn(root: object): string | null {
  const waiting: { value: unknown; depth: number }[] = [{ value: root, depth: 0 }]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { value, depth } = next
    if (depth > deepest) return 'they are nested too deeply'
    if (typeof value === 'number' && !isExact(value)) return 'a number is too large'
    if (typeof value === 'string' && !isPlain(value)) return 'a text is not well-formed Unicode in NFC'
    if (typeof value !== 'object' || value === null) continue
    for (const [key, inner] of Object.entries(value)) {
      if (poisoned.has(key) || !isPlain(key)) return 'a name in them is not allowed'
      waiting.push({ value: inner, depth: depth + 1 })
    }
  }
  return null
}

function isExact(value: number): boolean {
  return Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER
}

function isPlain(text: string): boolean {
  return text.isWellFormed() && text.normalize('NFC') === text
}
