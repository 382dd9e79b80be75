# From a folder of images, or from nothing, to the list of images that the run encodes.


rule make_demo_images:
    """Draw portraits, half through a camera's pipeline, half through a generator's."""
    output:
        "<results>/drawn/{split}.csv",
    log:
        "<logs>/make_demo_images/{split}.log",
    benchmark:
        "<benchmarks>/make_demo_images/{split}.tsv"
    conda:
        "../../envs/codec.yaml"
    resources:
        mem_mb=per_attempt(1000),
        runtime=minutes_of("make_demo_images"),
    params:
        code=code_of("make_demo_images"),
        cfg=settings("seed", "image_size"),
        n_images=lambda wildcards: config[f"n_{wildcards.split}"],
    shell:
        "python -m latentprint.steps.make_demo_images"
        " --output $(dirname {output}) --split {wildcards.split}"
        " --n-images {params.n_images} --seed {params.cfg[seed]}"
        " --image-size {params.cfg[image_size]} 2>&1 | tee -i {log}"


rule index_images:
    """Check every image: readable, of the right size and kind, no duplicate."""
    input:
        lists=image_lists(),
    output:
        images="<results>/images.tsv",
        exclusions="<results>/exclusions.tsv",
    log:
        "<logs>/index_images.log",
    benchmark:
        "<benchmarks>/index_images.tsv"
    group:
        "lists"
    conda:
        "../../envs/codec.yaml"
    threads: 4
    resources:
        mem_mb=per_attempt(2000),
        runtime=minutes_of("index_images"),
    params:
        code=code_of("index_images"),
        cfg=settings("image_size", "max_excluded", "images_root") | valid_settings(),
        splits=valid_options("splits"),
        root=images_root,
        folders=folder_state(),
    shell:
        "python -m latentprint.steps.index_images {params.splits}"
        " --root {params.root:q} --image-size {params.cfg[image_size]}"
        " --max-excluded {params.cfg[max_excluded]} --threads {threads}"
        " --images {output.images} --exclusions {output.exclusions} 2>&1 | tee -i {log}"


rule select_images:
    """Choose as many real as fake images, in the order of encoding."""
    input:
        "<results>/images.tsv",
    output:
        "<results>/selection.tsv",
    log:
        "<logs>/select_images.log",
    group:
        "lists"
    conda:
        "../../envs/codec.yaml"
    resources:
        mem_mb=per_attempt(1000),
        runtime=minutes_of("select_images"),
    params:
        code=code_of("select_images"),
        cfg=settings("sampling", "n_train", "n_test", "seed") | valid_settings(),
        valid=valid_options("n-valid"),
    shell:
        "python -m latentprint.steps.select_images"
        " --images {input} --sampling {params.cfg[sampling]}"
        " --n-train {params.cfg[n_train]} --n-test {params.cfg[n_test]} {params.valid}"
        " --seed {params.cfg[seed]} --output {output} > {log} 2>&1"
