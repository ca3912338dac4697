import { expireQuestions, type QuestionParts } from './questions.ts'

const lookEveryMs = 1_000
const mostAtOnce = 100

/** Looks each second for questions whose time is over; every process does, and one of them decides. Returns the way to stop. */
export function keepTimers(parts: QuestionParts): () => Promise<void> {
  let looking = Promise.resolve()
  let busy = false
  const look = async () => {
    try {
      while ((await expireQuestions(parts, mostAtOnce)) === mostAtOnce);
    } catch {
      // The store says no for now; it is asked again in a second, and who cannot write to it says so elsewhere.
    } finally {
      busy = false
    }
  }
  const timer = setInterval(() => {
    if (busy) return
    busy = true
    looking = look()
  }, lookEveryMs)
  timer.unref()
  return async () => {
    clearInterval(timer)
    await looking
  }
}
