// One order a line on the standard input, one answer a line on the standard output, until the input ends.
import { createInterface } from 'node:readline';

export function say(line) {
  process.stdout.write(JSON.stringify(line) + '\n');
}

export async function obey(orders) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { order, ...details } = JSON.parse(line);
    try {
      say({ value: (await orders[order](details)) ?? null });
    } catch (error) {
      say({ error: String(error) });
    }
  }
}
