import { framesOf, received } from '../../frames/execution.ts'
import type { Frame } from '../../frames/frame.ts'
import type { PromptLanguage } from '../../policy/prompt.ts'

const spanish =
  /[¿¡ñ]|\b(?:el|la|los|las|una?|por|favor|para|que|con|borra|elimina|quita|tarea|manda|envia|envía|hola)\b/giu
const english = /\b(?:the|an?|please|to|with|and|delete|remove|task|send|my|of|hello)\b/giu

/** The language in which a person is asked: that of their speech where it was recognised, else a guess by their words; English where nothing is known. */
export function promptLanguageOf(frames: readonly Frame[]): PromptLanguage {
  const heard = framesOf(frames, 'speech.transcribed')
  const named = heard.map(({ data }) => data.language?.toLowerCase()).find(language => language)
  if (named !== undefined) return /^(?:es\b|spa|español)/u.test(named) ? 'es' : 'en'
  const words = [received(frames).data.text, ...heard.map(({ data }) => data.text)].join(' ')
  return countOf(words, spanish) > countOf(words, english) ? 'es' : 'en'
}

function countOf(words: string, marks: RegExp): number {
  return words.match(marks)?.length ?? 0
}
