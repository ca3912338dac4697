/**
 * Cuts speech into phrases of at most 20 seconds, the longest that the model was trained on, each at the quietest moment of its
 * second half so that no word is cut in two.
 */
export function* phrasesOf(samples: Float32Array, sampleRate: number): Generator<Float32Array> {
  const longest = 20 * sampleRate
  let start = 0
  while (samples.length - start > longest) {
    const end = quietest(samples, start + longest / 2, start + longest, Math.round(0.03 * sampleRate))
    yield samples.subarray(start, end)
    start = end
  }
  yield samples.subarray(start)
}

/** The middle of the window with the least energy between `from` and `to`. */
function quietest(samples: Float32Array, from: number, to: number, window: number): number {
  let best = to
  let least = Number.POSITIVE_INFINITY
  for (let at = from; at + window <= to; at += window) {
    const energy = samples.subarray(at, at + window).reduce((sum, sample) => sum + sample * sample, 0)
    if (energy >= least) continue
    least = energy
    best = at + Math.floor(window / 2)
  }
  return best
}
