/** How a command is declared: a yargs module whose argument types are kept while it is written. */

import type { Argv, CommandModule } from "yargs";

/** A command with its arguments' types hidden, so that commands of all kinds fit one list. */
export function command<A>(module: CommandModule<object, A>): CommandModule {
  return module as unknown as CommandModule;
}

export interface JsonArgument {
  readonly json: boolean;
}

export interface FileArgument {
  readonly file: string;
}

export interface TreeArgument {
  readonly tree: string | undefined;
}

/** The positional that nearly all commands begin with. */
export function withFile<A>(yargs: Argv<A>, describe = "The store's file"): Argv<A & FileArgument> {
  return yargs.positional("file", { type: "string", demandOption: true, describe }) as Argv<A & FileArgument>;
}

export function withJson<A>(yargs: Argv<A>): Argv<A & JsonArgument> {
  return yargs.option("json", { type: "boolean", default: false, describe: "Print JSON" }) as Argv<
    A & JsonArgument
  >;
}

export function withTree<A>(yargs: Argv<A>): Argv<A & TreeArgument> {
  return yargs.option("tree", {
    alias: "t",
    type: "string",
    describe: "A named tree; the unnamed one by default",
  }) as Argv<A & TreeArgument>;
}
