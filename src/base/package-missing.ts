/** A package that is needed for what was asked, and is not installed. */

export class PackageMissingError extends Error {
  override readonly name: string = "PackageMissingError";
  readonly packageName: string;
  constructor(packageName: string, options?: ErrorOptions) {
    super(
      `this needs the package ${packageName}, which is not installed; get it with: npm install ${packageName}`,
      options,
    );
    this.packageName = packageName;
  }
}
