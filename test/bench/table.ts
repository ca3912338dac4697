import { median, type Round, ratio } from './lines.ts'

/** All rounds of one comparison with their median as text: ours, the peer, and what the one is of the other. */
export function table(rounds: readonly Round[]): string {
  const rows = rounds.map(({ ours, peer }, i) => [String(i + 1), figure(ours), figure(peer), (ours / peer).toFixed(2)])
  const middle = [median(rounds.map(({ ours }) => ours)), median(rounds.map(({ peer }) => peer))].map(figure)
  const all = [['round', 'ours', 'peer', 'ratio'], ...rows, ['median', ...middle, ratio(rounds).toFixed(2)]]
  return all.map(row => row.map(cell => cell.padStart(10)).join('')).join('\n')
}

function figure(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}
