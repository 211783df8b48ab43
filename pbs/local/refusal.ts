/**
 * Why a program says no: the text and the exit code of Torque's program, which are the number
 * of the server's error modulo 256.
 * @source captures: test/fixtures/pbs/torque
 */
export class Refusal extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, text: string) {
    super(text);
    this.exitCode = exitCode;
  }

  static usage(text: string): Refusal {
    return new Refusal(2, text);
  }

  static badValue(resource: string): Refusal {
    return new Refusal(188, `qsub: submit error (Bad attribute value  Resource_List.${resource})`);
  }

  static exceeded(): Refusal {
    return new Refusal(
      190,
      "qsub: submit error (Job exceeds queue resource limits MSG=cannot locate feasible nodes (nodes file is empty, all systems are busy, or no nodes have the requested feature))",
    );
  }
}
