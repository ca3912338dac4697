import { createHash } from 'node:crypto'
import { questionMark } from '../frames/approval.ts'
import type { Integrity } from '../frames/provenance.ts'
import type { Binding } from './approval.ts'

/** What must fit into one message, so that nobody approves half of what they saw. */
const longestPrompt = 1_400
const longestValue = 300

/** The languages of questions. To add one is to add a row. */
export const promptWords = {
  en: {
    verbs: { D: 'DELETE', X: 'SEND', H: 'HIGH RISK', other: 'CONFIRM' },
    asked: 'Shall I do exactly this?',
    about: 'It is about',
    named: 'not your words: they came with',
    sources: 'Not from you: this was decided after reading',
    origins: { user_forwarded: 'a forwarded message', tool: "a tool's answer", web: 'the web' },
    cut: (length: number, hash: string) => `${length} characters, ${hash}`,
    buttons: { approve: 'Approve', refuse: 'Refuse' },
    two: 'The operator has to agree as well.',
    refuse: 'To refuse, send NO.',
    approve: (minutes: number) => `To approve, send this code alone within ${minutes} minutes:`
  },
  es: {
    verbs: { D: 'BORRAR', X: 'ENVIAR', H: 'ALTO RIESGO', other: 'CONFIRMAR' },
    asked: '¿Hago exactamente esto?',
    about: 'Se trata de',
    named: 'no son palabras tuyas: vinieron con',
    sources: 'No viene de ti: se decidió después de leer',
    origins: { user_forwarded: 'un mensaje reenviado', tool: 'la respuesta de una herramienta', web: 'la web' },
    cut: (length: number, hash: string) => `${length} caracteres, ${hash}`,
    buttons: { approve: 'Aprobar', refuse: 'Rechazar' },
    two: 'El operador también tiene que aprobarlo.',
    refuse: 'Para rechazarlo, envía NO.',
    approve: (minutes: number) => `Para aprobarlo, envía solo este código en ${minutes} minutos:`
  }
} as const
export type PromptLanguage = keyof typeof promptWords

/**
 * The question as the person reads it, but for the code, which comes behind it. It is made by code from the binding alone: every
 * value stands there literally, so that different calls are different texts. Null where it does not fit into one message.
 */
export function renderPrompt(binding: Binding, description: string, language: PromptLanguage): string | null {
  const words = promptWords[language]
  const verb = binding.class === 'D' || binding.class === 'X' || binding.class === 'H' ? binding.class : 'other'
  const source = originOf(binding.integrity, words)
  const lines = [
    `${questionMark} ${words.verbs[verb]}: ${words.asked}`,
    visible(description),
    `${binding.tool}`,
    ...Object.entries(binding.arguments).map(([name, value]) => `- ${visible(name)}: ${shown(value, words)}`),
    ...(binding.target === null ? [] : [subjectOf(binding.target, words)]),
    ...(source === null ? [] : [`${words.sources} ${source}.`]),
    ...(binding.class === 'H' ? [words.two] : []),
    words.refuse,
    words.approve(Math.round((binding.exp - binding.iat) / 60_000))
  ]
  const prompt = lines.join('\n')
  return prompt.length <= longestPrompt ? prompt : null
}

function originOf(integrity: Integrity, { origins }: (typeof promptWords)[PromptLanguage]): string | null {
  if (integrity === 'user_forwarded' || integrity === 'web') return origins[integrity]
  return integrity.startsWith('tool_') ? origins.tool : null
}

/** What the call is about, marked where its words are those of others (safety rule 3.5). */
function subjectOf(target: NonNullable<Binding['target']>, words: (typeof promptWords)[PromptLanguage]): string {
  const source = originOf(target.integrity ?? 'system', words)
  const subject = `${words.about} ${shown(target.label, words)}`
  return source === null ? subject : `${subject} (${words.named} ${source})`
}

/** A value as JSON in a block of its own, where no messenger reads marks; a long one is cut in the middle and named by its hash. */
function shown(value: unknown, { cut }: (typeof promptWords)[PromptLanguage]): string {
  const json = visible(JSON.stringify(value))
  if (json.length <= longestValue) return `\`${json}\``
  const hash = createHash('sha256').update(json).digest('hex').slice(0, 8)
  const half = longestValue / 2
  return `\`${json.slice(0, half)}\` … \`${json.slice(-half)}\` (${cut(json.length, hash)})`
}

/** Whatever cannot be seen, or changes how the rest is seen, is shown by its number. */
function visible(text: string): string {
  return text
    .toWellFormed()
    .replace(
      /[[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}`]--[ ]]/gv,
      mark => `\\u{${mark.codePointAt(0)?.toString(16)}}`
    )
}
