// Calls the client (argv[2]) as each line on stdin says: {"options", "call", "given"}; answers {"answer"} or {"error", "status"}.
import readline from "node:readline";
const { Populer } = await import(process.argv[2]);
const lines = readline.createInterface({ input: process.stdin });
for await (const line of lines) {
  const { options, call, given } = JSON.parse(line);
  try {
    console.log(JSON.stringify({ answer: (await new Populer(options)[call](...given)) ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ error: error.message, status: error.status }));
  }
}
